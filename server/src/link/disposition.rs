//! What a session does about a link that cannot be made.

use super::error::LinkError;

/// What a session does after a failed dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Try again later.
    Retry,
    /// Try again when an agent is there.
    AwaitAgent,
    /// Stop until a person gives a credential.
    NeedsAuth,
    /// Stop until a person settles the host key.
    HostKey,
}

impl LinkError {
    /// What a session does after this failure (FAULTS 29, 30).
    pub fn disposition(&self) -> Disposition {
        match self {
            Self::HostKeyChanged { .. } | Self::HostKeyRevoked { .. } => Disposition::HostKey,
            Self::AuthRefused { .. }
            | Self::NoCredential { .. }
            | Self::AsksPerson { .. }
            | Self::KeyFile { .. }
            | Self::SecretGone { .. }
            | Self::PassphraseNeeded { .. } => Disposition::NeedsAuth,
            Self::NoAgent { .. } | Self::EmptyAgent { .. } => Disposition::AwaitAgent,
            _ => Disposition::Retry,
        }
    }
}
