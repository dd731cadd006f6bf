//! What a server is asked to connect to, and why it does not.

use std::fmt;

use russh::ChannelOpenFailure;

/// What the server connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TunnelTarget {
    /// As the server resolves it.
    Tcp {
        /// A name or an address.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A Unix socket on the server.
    Socket {
        /// Its path.
        path: String,
    },
}

impl fmt::Display for TunnelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Socket { path } => f.write_str(path),
        }
    }
}

/// Why a server does not connect, RFC 4254 section 5.1. It says no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TunnelRefusal {
    /// It may not.
    Prohibited,
    /// It cannot: nothing listens there, the name is unknown, no way leads there.
    Failed,
    /// Anything else.
    Other,
}

impl fmt::Display for TunnelRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prohibited => "may not connect to",
            Self::Failed => "could not connect to",
            Self::Other => "would not connect to",
        })
    }
}

impl From<ChannelOpenFailure> for TunnelRefusal {
    fn from(failure: ChannelOpenFailure) -> Self {
        match failure {
            ChannelOpenFailure::AdministrativelyProhibited => Self::Prohibited,
            ChannelOpenFailure::ConnectFailed => Self::Failed,
            _ => Self::Other,
        }
    }
}
