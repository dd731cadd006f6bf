//! What can go wrong with opening and ending a forward.

use std::io;

use schema::{Code, Fault, Id};
use storage::state::CommitError;

use super::room::FORWARDS_MAX;
use crate::link::LinkError;

/// A failure of a forward's call.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// No forward of that id on that session.
    #[error("the session `{session_id}` has no forward `{id}`{}", known_words(.known))]
    NotFound {
        /// The session.
        session_id: Id,
        /// The id asked for.
        id: Id,
        /// The ids there are.
        known: Vec<Id>,
    },
    /// The id is in use for another.
    #[error("the session `{session_id}` has another forward `{id}`")]
    AlreadyExists {
        /// The session.
        session_id: Id,
        /// The id asked for.
        id: Id,
    },
    /// It is being opened or ended at this moment.
    #[error("the forward `{id}` is being opened or ended by another call")]
    Busy {
        /// The id asked for.
        id: Id,
    },
    /// There are too many.
    #[error("there are {FORWARDS_MAX} forwards already")]
    TooMany,
    /// It cannot listen here.
    #[error("{why}")]
    Bind {
        /// In words, with who has the port.
        why: String,
        /// The kernel's.
        kind: io::ErrorKind,
    },
    /// It cannot listen on the host.
    #[error(transparent)]
    Link(Box<LinkError>),
    /// The session ended while it was opened.
    #[error("the session `{id}` was closed meanwhile, and the forward with it")]
    SessionGone {
        /// The session.
        id: Id,
    },
    /// The session is not up.
    #[error("{}", .0.message)]
    Session(Fault),
    /// It could not be kept, so it was not opened.
    #[error("the forward `{id}` could not be kept")]
    Commit {
        /// Which.
        id: Id,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// Whether it was kept was unknown, and so it was removed again.
    #[error("the forward `{id}` could not be kept for certain, and was removed again")]
    TakenBack {
        /// Which.
        id: Id,
    },
    /// It could not be removed from what is kept, so it was not ended.
    #[error("the forward `{id}` could not be removed from what is kept")]
    NotRemoved {
        /// Which.
        id: Id,
        /// Why.
        #[source]
        source: CommitError,
    },
}

impl From<LinkError> for ForwardError {
    fn from(error: LinkError) -> Self {
        Self::Link(Box::new(error))
    }
}

impl From<ForwardError> for Fault {
    fn from(error: ForwardError) -> Self {
        let message = Fault::chain(&error);
        let (code, next): (Code, String) = match error {
            ForwardError::NotFound { .. } => (Code::NotFound, "see ssh_forwards_list".into()),
            ForwardError::AlreadyExists { .. } => (
                Code::AlreadyExists,
                "take another id, or ssh_forward_cancel it first".into(),
            ),
            ForwardError::Busy { .. } => (Code::Busy, "call again in a moment".into()),
            ForwardError::TooMany => (Code::Busy, "ssh_forward_cancel one".into()),
            ForwardError::Bind { kind, .. } => match kind {
                io::ErrorKind::AddrInUse => (
                    Code::Unavailable,
                    "take another bind_port; 0 is a free one".into(),
                ),
                io::ErrorKind::PermissionDenied => (
                    Code::Unavailable,
                    "ports below 1024 take root; take a higher bind_port, or 0 for a free one"
                        .into(),
                ),
                _ => (
                    Code::Unavailable,
                    "bind_addr is an address of this machine; without it 127.0.0.1".into(),
                ),
            },
            ForwardError::Link(error) => (error.code(), error.next_step()),
            ForwardError::SessionGone { .. } => (Code::NotConnected, "see ssh_list".into()),
            ForwardError::Session(fault) => return fault,
            ForwardError::Commit { source, .. } => not_stored(&source, "nothing listens"),
            ForwardError::TakenBack { .. } => (
                Code::Unavailable,
                "nothing listens; make room on the disk and call again".into(),
            ),
            ForwardError::NotRemoved { source, .. } => not_stored(&source, "it still listens"),
        };
        Fault::new(code, message).next(next)
    }
}

/// The code, and the next step with where the forward stands, as far as is known.
fn not_stored(source: &CommitError, stands: &str) -> (Code, String) {
    match source {
        CommitError::Unknown(_) => (
            Code::OutcomeUnknown,
            format!("{stands}; see ssh_forwards_list after the daemon's next start"),
        ),
        _ => (
            Code::Unavailable,
            format!("{stands}; make room on the disk and call again"),
        ),
    }
}

fn known_words(ids: &[Id]) -> String {
    if ids.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = ids.iter().map(Id::as_str).collect();
    format!("; it has {}", ids.join(", "))
}
