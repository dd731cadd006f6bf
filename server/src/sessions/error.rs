//! What can go wrong with a session, as its callers hear it.

use schema::{Code, Fault, Id};
use storage::state::CommitError;

use super::view::Failure;
use crate::link::PlanError;

/// A failure of a session's call.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// No session of that id.
    #[error("there is no session `{id}`{}", known_words(.known))]
    NotFound {
        /// The id asked for.
        id: Id,
        /// The ids there are.
        known: Vec<Id>,
    },
    /// The id is in use with another spec.
    #[error("the session `{id}` is there with another spec; it differs in {}", .fields.join(", "))]
    AlreadyExists {
        /// The id asked for.
        id: Id,
        /// Where the two differ.
        fields: Vec<&'static str>,
    },
    /// The spec makes no plan.
    #[error("the spec of `{id}` cannot be used")]
    Spec {
        /// The id asked for.
        id: Id,
        /// Why.
        #[source]
        source: PlanError,
    },
    /// It is not up.
    #[error("the session `{id}` is not up: {}", .failure.message)]
    NotUp {
        /// Which.
        id: Id,
        /// Why.
        failure: Failure,
    },
    /// It did not come up in time.
    #[error("the session `{id}` did not come up in {waited_s} s: {reason}")]
    Timeout {
        /// Which.
        id: Id,
        /// How long the call waited.
        waited_s: u64,
        /// Why, as far as is known.
        reason: String,
        /// What would help; empty when only waiting does.
        next: String,
    },
    /// The host lets no more commands run at once.
    #[error("`{id}` has no place for another command: the host limits them on each of \
             {connections} connection(s){}", why_words(.why))]
    NoPlace {
        /// Which.
        id: Id,
        /// Connections that are open to the host.
        connections: usize,
        /// Why there is no further one; empty when as many are open as may be.
        why: String,
    },
    /// Its first connect failed while another call waited for it.
    #[error("the session `{id}` did not come up")]
    NotOpened {
        /// Which.
        id: Id,
    },
    /// It was closed meanwhile.
    #[error("the session `{id}` was closed meanwhile")]
    Closed {
        /// Which.
        id: Id,
    },
    /// It could not be kept, so it was not opened.
    #[error("the session `{id}` cannot be kept")]
    Commit {
        /// Which.
        id: Id,
        /// Why.
        #[source]
        source: CommitError,
    },
    /// Whether it was kept was unknown, and so it was removed again.
    #[error("the session `{id}` could not be kept for certain, and was removed again")]
    TakenBack {
        /// Which.
        id: Id,
    },
}

fn why_words(why: &str) -> String {
    if why.is_empty() {
        return String::new();
    }
    format!(", and another connection failed: {why}")
}

fn known_words(known: &[Id]) -> String {
    if known.is_empty() {
        return "; there are none".into();
    }
    let names: Vec<&str> = known.iter().map(Id::as_str).take(20).collect();
    let more = known.len().saturating_sub(names.len());
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("; there are {}{more}", names.join(", "))
}

impl From<SessionError> for Fault {
    fn from(error: SessionError) -> Self {
        let message = Fault::chain(&error);
        let (code, next) = match error {
            SessionError::NotFound { .. } => (
                Code::NotFound,
                "open it with ssh_connect, or see ssh_list".into(),
            ),
            SessionError::AlreadyExists { .. } => (
                Code::AlreadyExists,
                "use the session that is there, take another id, or ssh_disconnect it first".into(),
            ),
            SessionError::Spec { .. } => (Code::InvalidArgument, String::new()),
            SessionError::NotUp { failure, .. } => (failure.code, failure.next),
            SessionError::NoPlace { .. } => (
                Code::Busy,
                "nothing was run: call again when a job of it has ended (job_list), or job_cancel one"
                    .into(),
            ),
            SessionError::Timeout { next, .. } if !next.is_empty() => (Code::NotConnected, next),
            SessionError::Timeout { .. } => (
                Code::NotConnected,
                "it is still being tried if it is persistent or auto_reconnect; ssh_info says more"
                    .into(),
            ),
            SessionError::NotOpened { .. } => (
                Code::NotConnected,
                "its ssh_connect says why; call that again first".into(),
            ),
            SessionError::Closed { .. } => (Code::NotConnected, "see ssh_list".into()),
            SessionError::Commit {
                source: CommitError::Unknown(_),
                ..
            } => (
                Code::OutcomeUnknown,
                "the disk failed while it was written; see ssh_list after the daemon's next start"
                    .into(),
            ),
            SessionError::Commit { .. } | SessionError::TakenBack { .. } => (
                Code::Unavailable,
                "make room on the disk and try again".into(),
            ),
        };
        Self::new(code, message).next(next)
    }
}
