//! What everyone sees of a session.

use std::sync::Arc;
use std::time::SystemTime;

use schema::tools::session::SessionState;
use schema::{Code, Fault};
use tokio::time::Instant;

use crate::link::{Connection, Facts, LinkError, LinkState};

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Dialled for the first time.
    Connecting,
    /// Up.
    Connected,
    /// Was up, or is persistent, and is tried again.
    Reconnecting,
    /// A person must give a credential.
    NeedsAuth,
    /// A person must settle the host key.
    HostKeyChanged,
    /// Down until the next call.
    Disconnected,
}

impl From<Phase> for SessionState {
    fn from(phase: Phase) -> Self {
        match phase {
            Phase::Connecting => Self::Connecting,
            Phase::Connected => Self::Connected,
            Phase::Reconnecting => Self::Reconnecting,
            Phase::NeedsAuth => Self::NeedsAuth,
            Phase::HostKeyChanged => Self::HostKeyChanged,
            Phase::Disconnected => Self::Disconnected,
        }
    }
}

/// Why a session is not up, or why it last was not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What failed, with its causes.
    pub message: String,
    /// The next step; empty when there is none.
    pub next: String,
    /// Whether waiting can help.
    pub passing: bool,
}

impl From<&LinkError> for Failure {
    fn from(error: &LinkError) -> Self {
        let code = error.code();
        let settled = matches!(
            code,
            Code::HostKeyUnknown
                | Code::HostKeyChanged
                | Code::AuthFailed
                | Code::NeedsAuth
                | Code::InvalidArgument
        );
        Self {
            code,
            message: Fault::chain(error),
            next: error.next_step(),
            passing: !settled,
        }
    }
}

/// A session as it is now.
#[derive(Debug, Clone)]
pub struct View {
    /// Where it stands.
    pub phase: Phase,
    /// Its link.
    pub link: LinkState,
    /// Why it is not up, or last was not; none after a successful dial.
    pub failure: Option<Failure>,
    /// What the last handshake found out.
    pub facts: Facts,
    /// Time of day at which the link came up.
    pub connected_at: Option<SystemTime>,
    /// Time of day at which the next dial is due.
    pub next_retry_at: Option<SystemTime>,
    /// How often it came up again.
    pub reconnects: u64,
    /// Dials that ended, either way.
    pub dials: u64,
    /// When the last dial failed.
    pub failed_at: Option<Instant>,
    /// The session was closed for good.
    pub closed: bool,
    /// Further connections to the same host, for commands that the first has no
    /// place for.
    pub more: Vec<Arc<Connection>>,
    /// Why there is no further connection, where one was wanted last.
    pub more_failure: Option<Failure>,
}

impl View {
    pub(super) fn new() -> Self {
        Self {
            phase: Phase::Connecting,
            link: LinkState::Down,
            failure: None,
            facts: Facts::default(),
            connected_at: None,
            next_retry_at: None,
            reconnects: 0,
            dials: 0,
            failed_at: None,
            closed: false,
            more: Vec::new(),
            more_failure: None,
        }
    }
}
