//! What can go wrong with a request.

use std::fmt;

use schema::Code;

use super::wire::Short;
use crate::link::error::LinkError;

/// What a server says of a request: section 7 of the draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusCode {
    /// It worked.
    Ok,
    /// The end of a file or folder.
    Eof,
    /// It is not there.
    NoSuchFile,
    /// The user may not.
    PermissionDenied,
    /// Anything else; in version 3 also "it exists", "it is not empty" and "no room".
    Failure,
    /// The server does not understand us.
    BadMessage,
    /// The server does not know the request.
    Unsupported,
    /// Another.
    Other(u32),
}

impl From<u32> for StatusCode {
    fn from(code: u32) -> Self {
        match code {
            0 => Self::Ok,
            1 => Self::Eof,
            2 => Self::NoSuchFile,
            3 => Self::PermissionDenied,
            4 => Self::Failure,
            5 => Self::BadMessage,
            8 => Self::Unsupported,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "it worked",
            Self::Eof => "it ends there",
            Self::NoSuchFile => "no such file or folder",
            Self::PermissionDenied => "permission denied",
            Self::Failure => "it failed",
            Self::BadMessage => "the server does not understand the request",
            Self::Unsupported => "the server does not support it",
            Self::Other(code) => return write!(f, "the server said {code}"),
        })
    }
}

/// A failure of SFTP.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SftpError {
    /// The server said no.
    #[error("{code}{}", words_of(*.code, .words))]
    Status {
        /// In the protocol's terms.
        code: StatusCode,
        /// In its words, harmless.
        words: String,
    },
    /// The server has no SFTP.
    #[error("the server has no SFTP for this user: {0}")]
    NoSftp(String),
    /// The server does not speak as it should.
    #[error("the server's SFTP is wrong: {0}")]
    Protocol(String),
    /// The link, or the server's SFTP process, is gone.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// This side's file failed.
    #[error("{0}")]
    Local(String),
    /// Another failure of the link, before anything was asked.
    #[error("{message}")]
    Link {
        /// In words.
        message: String,
        /// The link's.
        code: Code,
        /// The link's next step.
        next: String,
    },
}

impl SftpError {
    /// The server's code, if it is the server that said no.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { code, .. } => Some(*code),
            _ => None,
        }
    }

    pub(super) fn wrong(words: &str) -> Self {
        Self::Protocol(words.to_owned())
    }
}

impl From<Short> for SftpError {
    fn from(short: Short) -> Self {
        Self::Protocol(short.to_string())
    }
}

impl From<LinkError> for SftpError {
    fn from(error: LinkError) -> Self {
        match error {
            LinkError::Lost(why) => Self::Lost(why),
            other => Self::Link {
                message: schema::Fault::chain(&other),
                code: other.code(),
                next: other.next_step(),
            },
        }
    }
}

/// The server's words where they say more than the code.
fn words_of(code: StatusCode, words: &str) -> String {
    let known = [
        "",
        "success",
        "failure",
        "no such file",
        "permission denied",
        "eof",
        "end of file",
    ];
    if known.contains(&words.to_ascii_lowercase().as_str()) {
        return String::new();
    }
    match code {
        StatusCode::Failure | StatusCode::Other(_) => format!(": {words}"),
        _ => String::new(),
    }
}
