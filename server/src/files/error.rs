//! What can go wrong with a file of a host.

use std::io;
use std::path::Path;
use std::sync::Arc;

use schema::{Code, Fault};

use crate::link::{SftpError, StatusCode};

/// A failure with a file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// No path at all.
    #[error("`{text}` is no path")]
    Path {
        /// What was given.
        text: String,
    },
    /// The server, or the link.
    #[error("{doing}{source}")]
    Sftp {
        /// What was to be done, with `: ` behind it.
        doing: String,
        /// Why not.
        source: SftpError,
    },
    /// Something else than what was asked for is there.
    #[error("{path} is {is}")]
    Kind {
        /// Which.
        path: String,
        /// What it is.
        is: &'static str,
        /// What to do.
        next: &'static str,
    },
    /// More than this reads or writes at once.
    #[error("{path} has {bytes} bytes, and this takes {max} at most")]
    TooLarge {
        /// Which.
        path: String,
        /// How many it has.
        bytes: u64,
        /// How many there may be.
        max: u64,
    },
    /// Bytes that are no text.
    #[error("{path} is not UTF-8 text, from byte {at} on")]
    NotText {
        /// Which.
        path: String,
        /// The first that is none.
        at: u64,
    },
    /// Something has the name.
    #[error("{path} is there already")]
    Exists {
        /// Which.
        path: String,
        /// What to do.
        next: &'static str,
    },
    /// The text to be replaced.
    #[error("`old` is {count} times in {path}{lines}")]
    Matches {
        /// In which file.
        path: String,
        /// How often.
        count: usize,
        /// On which lines, in words.
        lines: String,
    },
    /// Another file than the caller knows.
    #[error("{path} is another than you know: its sha256 is {sha256}")]
    Changed {
        /// Which.
        path: String,
        /// Of what is there.
        sha256: String,
    },
    /// It was changed while it was edited.
    #[error("{path} was changed by somebody else meanwhile, and is as they left it")]
    ChangedMeanwhile {
        /// Which.
        path: String,
    },
    /// The server cannot rename over what is there.
    #[error("the server cannot replace {path} in one step")]
    NoReplace {
        /// Which.
        path: String,
    },
    /// The caller gave it up.
    #[error("it was cancelled, and nothing was changed")]
    Cancelled,
    /// A copy of many files was given up.
    #[error(
        "it was stopped; the files that were copied are whole, the others are not there{}{but}",
        if .but.is_empty() { "" } else { ", but: " }
    )]
    Stopped {
        /// What failed before, in words.
        but: String,
    },
    /// Writing in place did not come to its end.
    #[error("{path} was written in place, and may be half old and half new: {source}")]
    HalfWritten {
        /// Which.
        path: String,
        /// Why it ended.
        source: SftpError,
    },
    /// A place on this machine that no tool reads or writes.
    #[error("{path} is a place that no tool reads or writes")]
    Denied {
        /// Which.
        path: String,
    },
    /// A file or folder on this machine.
    #[error("{path} on this machine: {why}")]
    Local {
        /// Which.
        path: String,
        /// In the system's words.
        why: String,
        /// Whose it is.
        blame: Blame,
    },
    /// A file or folder on the host.
    #[error("{path}: {why}")]
    Remote {
        /// Which.
        path: String,
        /// In words.
        why: String,
    },
    /// One that several met.
    #[error("{0}")]
    Shared(Arc<FileError>),
}

/// What a failure on this machine comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    /// What was asked for.
    Ask,
    /// No room on the disk: what follows fails too.
    Full,
    /// Something else of this machine's.
    Machine,
}

impl FileError {
    /// Whether the link or the server's SFTP was lost meanwhile.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Sftp { source, .. } | Self::HalfWritten { source, .. } => {
                matches!(source, SftpError::Lost(_))
            }
            Self::Shared(error) => error.is_lost(),
            _ => false,
        }
    }

    /// Whether it is one file's, so that others of the same copy have their chance.
    pub(super) fn is_of_one(&self) -> bool {
        match self {
            Self::Sftp { source, .. } | Self::HalfWritten { source, .. } => {
                matches!(source, SftpError::Status { .. } | SftpError::Local(_))
            }
            Self::Local { blame, .. } => *blame != Blame::Full,
            Self::Kind { .. } | Self::ChangedMeanwhile { .. } | Self::Remote { .. } => true,
            _ => false,
        }
    }

    /// A failure of SFTP alone.
    pub(super) fn of(source: SftpError) -> Self {
        Self::Sftp {
            doing: String::new(),
            source,
        }
    }

    /// A failure of this machine's with `path`.
    pub(super) fn local(path: &Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            IsADirectory, NotADirectory, NotFound, PermissionDenied, QuotaExceeded, StorageFull,
        };
        Self::Local {
            path: path.display().to_string(),
            why: error.to_string(),
            blame: match error.kind() {
                NotFound | NotADirectory | IsADirectory | PermissionDenied => Blame::Ask,
                StorageFull | QuotaExceeded => Blame::Full,
                _ => Blame::Machine,
            },
        }
    }

    /// The same while something was done to `path`.
    pub(super) fn at(path: &impl ToString) -> impl FnOnce(SftpError) -> Self {
        let doing = format!("{}: ", path.to_string());
        move |source| Self::Sftp { doing, source }
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let (code, next) = error.advice();
        Fault::new(code, error.to_string()).next(next)
    }
}

impl FileError {
    /// The stable code, and the next step in words.
    fn advice(&self) -> (Code, String) {
        match self {
            FileError::Path { .. } => (
                Code::InvalidArgument,
                "give an absolute path, or one below ~/".into(),
            ),
            FileError::Sftp { source, .. } => of_sftp(source),
            FileError::Kind { next, .. } => (Code::InvalidArgument, (*next).into()),
            FileError::TooLarge { .. } => (
                Code::TooLarge,
                "work on it with ssh_exec, or ssh_download it".into(),
            ),
            FileError::NotText { .. } => (
                Code::InvalidArgument,
                "ssh_download copies any file; ssh_exec with `xxd` or `base64` shows a part".into(),
            ),
            FileError::Exists { next, .. } => (Code::AlreadyExists, (*next).into()),
            FileError::Matches { count: 0, .. } => (
                Code::NotFound,
                "ssh_file_read it and give the exact text, white space included".into(),
            ),
            FileError::Matches { .. } => (
                Code::InvalidArgument,
                "give more of the text around it, or all: true".into(),
            ),
            FileError::Changed { .. } => (
                Code::AlreadyExists,
                "ssh_file_read it anew and edit that".into(),
            ),
            FileError::ChangedMeanwhile { .. } => {
                (Code::Busy, "ssh_file_read it anew and edit that".into())
            }
            FileError::NoReplace { .. } => (
                Code::Remote,
                "ssh_file_delete the target first, or use ssh_exec with mv".into(),
            ),
            FileError::Cancelled | FileError::Stopped { .. } => (Code::Cancelled, String::new()),
            FileError::HalfWritten { source, .. } => (
                of_sftp(source).0,
                "ssh_file_read what is there, and write all of it anew".into(),
            ),
            FileError::Denied { .. } => (
                Code::Denied,
                "a person's config.toml (local_deny) may say which; keys are never copied".into(),
            ),
            FileError::Local {
                blame: Blame::Ask, ..
            } => (Code::InvalidArgument, String::new()),
            FileError::Local { .. } => (
                Code::Unavailable,
                "put it right on this machine, and call again".into(),
            ),
            FileError::Remote { .. } => (Code::Remote, String::new()),
            FileError::Shared(error) => error.advice(),
        }
    }
}

fn of_sftp(source: &SftpError) -> (Code, String) {
    match source {
        SftpError::Status { code, .. } => match code {
            StatusCode::NoSuchFile => (Code::NotFound, "ssh_file_list shows a folder".into()),
            StatusCode::PermissionDenied => (
                Code::Remote,
                "the session's user may not; ssh_exec with sudo may".into(),
            ),
            _ => (Code::Remote, String::new()),
        },
        SftpError::NoSftp(_) => (
            Code::Remote,
            "a person enables it in sshd_config (Subsystem sftp internal-sftp); ssh_exec with cat \
             and tee works without it"
                .into(),
        ),
        SftpError::Local(_) => (Code::Unavailable, String::new()),
        SftpError::Protocol(_) => (Code::Remote, String::new()),
        SftpError::Lost(_) => (
            Code::NotConnected,
            "look whether it was done before repeating it: ssh_file_stat".into(),
        ),
        SftpError::Link { code, next, .. } => (*code, next.clone()),
    }
}
