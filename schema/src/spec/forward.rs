//! The spec of a port forward: what was asked for, the asked port 0 included.

use serde::{Deserialize, Serialize};

/// One forward of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardSpec {
    /// The address to listen on; `127.0.0.1` unless another was named.
    pub bind_addr: String,
    /// The asked port; 0 lets the listening side choose at each start.
    pub bind_port: u16,
    /// What it does with a connection.
    pub kind: ForwardKind,
}

/// What a forward does with a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardKind {
    /// Listens here, reaches a TCP target from the host (`ssh -L`).
    Local {
        /// As the host resolves it.
        remote_host: String,
        /// Its port.
        remote_port: u16,
    },
    /// Listens here, reaches a Unix socket on the host.
    LocalSocket {
        /// Its path on the host.
        remote_socket: String,
    },
    /// Listens on the host, reaches a TCP target from here (`ssh -R`).
    Remote {
        /// As the daemon's machine resolves it.
        local_host: String,
        /// Its port.
        local_port: u16,
    },
    /// Listens here as SOCKS5 (`ssh -D`).
    Dynamic,
}
