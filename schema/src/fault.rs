//! What leaves the process when something failed: a stable code, what failed
//! with its causes, and the next call to make.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stable code of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The named thing is not there; the text names what is.
    NotFound,
    /// The id is in use with another spec; the text names what differs.
    AlreadyExists,
    /// An argument is unknown, of the wrong kind or out of range.
    InvalidArgument,
    /// The session or host is not up.
    NotConnected,
    /// The server refused every credential.
    AuthFailed,
    /// A person must give a credential before the session can come back.
    NeedsAuth,
    /// The server's key is in no `known_hosts`.
    HostKeyUnknown,
    /// The server's key is another than `known_hosts` has.
    HostKeyChanged,
    /// The work did not end in time.
    Timeout,
    /// The caller cancelled it.
    Cancelled,
    /// More than a limit allows; the text names the limit.
    TooLarge,
    /// A person's configuration forbids it.
    Denied,
    /// Too much at once; try again later.
    Busy,
    /// The other side answered with a failure of its own.
    Remote,
    /// A part that is needed is not there (disk, keyring, agent).
    Unavailable,
    /// The call was cut off after it may have taken effect; see `history`.
    OutcomeUnknown,
    /// The daemon is being replaced by a newer one.
    Upgrading,
    /// A defect of this program.
    Internal,
}

impl Code {
    /// The code as it is written in results.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::InvalidArgument => "invalid_argument",
            Self::NotConnected => "not_connected",
            Self::AuthFailed => "auth_failed",
            Self::NeedsAuth => "needs_auth",
            Self::HostKeyUnknown => "host_key_unknown",
            Self::HostKeyChanged => "host_key_changed",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::TooLarge => "too_large",
            Self::Denied => "denied",
            Self::Busy => "busy",
            Self::Remote => "remote",
            Self::Unavailable => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Upgrading => "upgrading",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A failure as a caller sees it.
///
/// Invariant: neither text holds a secret, a token or the content of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What kind of failure it is.
    pub code: Code,
    /// What failed, where, and why.
    pub message: String,
    /// The next call or command to make; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Fault {
    /// A failure without advice.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            next: String::new(),
        }
    }

    /// The same with the next step in words.
    #[must_use]
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }

    /// `error` with every cause below it, as one line.
    pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(below) = cause {
            let words = below.to_string();
            if !text.ends_with(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = below.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_written_as_it_is_serialised() {
        for code in [
            Code::NotFound,
            Code::HostKeyUnknown,
            Code::OutcomeUnknown,
            Code::TooLarge,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
    }

    #[test]
    fn a_chain_names_each_cause_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot dial web")]
        struct Dial(#[source] std::io::Error);
        let error = Dial(std::io::Error::other("connection refused"));
        assert_eq!(Fault::chain(&error), "cannot dial web: connection refused");
    }
}
