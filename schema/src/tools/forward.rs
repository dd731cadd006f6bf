//! Port forwards: `ssh_forward_local`, `_remote`, `_dynamic`, `_cancel` and
//! `ssh_forwards_list`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::id::Id;

/// Arguments of `ssh_forward_local`: the target is `remote_host` with
/// `remote_port`, or `remote_socket`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshForwardLocal {
    /// The session.
    pub session_id: Id,
    /// The forward's name on that session.
    #[schemars(extend("hint" = "your name for it"))]
    pub forward_id: Id,
    /// Where to listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 127.0.0.1"))]
    pub bind_addr: Option<String>,
    /// The port to listen on.
    #[schemars(extend("hint" = "0: a free one"))]
    pub bind_port: u16,
    /// As the host resolves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "as seen from the host"))]
    pub remote_host: Option<String>,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remote_port: Option<u16>,
    /// A Unix socket on the host instead of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "a Unix socket there, instead of both"))]
    pub remote_socket: Option<String>,
}

/// Arguments of `ssh_forward_remote`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshForwardRemote {
    /// The session.
    pub session_id: Id,
    /// The forward's name on that session.
    pub forward_id: Id,
    /// Where the host listens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "on the host; default 127.0.0.1"))]
    pub bind_addr: Option<String>,
    /// The port the host listens on.
    #[schemars(extend("hint" = "0: the server chooses"))]
    pub bind_port: u16,
    /// The target, as this machine resolves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 127.0.0.1"))]
    pub local_host: Option<String>,
    /// Its port.
    pub local_port: u16,
}

/// Arguments of `ssh_forward_dynamic`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshForwardDynamic {
    /// The session.
    pub session_id: Id,
    /// The forward's name on that session.
    pub forward_id: Id,
    /// Where to listen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 127.0.0.1"))]
    pub bind_addr: Option<String>,
    /// The port to listen on.
    #[schemars(extend("hint" = "0: a free one"))]
    pub bind_port: u16,
}

/// Arguments of `ssh_forward_cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshForwardCancel {
    /// The session.
    pub session_id: Id,
    /// The forward.
    pub forward_id: Id,
}

words! {
    /// Which way a forward goes.
    ForwardWay {
        /// From here to the host's side.
        Local = "local",
        /// From the host to this side.
        Remote = "remote",
        /// From here to wherever a SOCKS5 client asks for.
        Dynamic = "dynamic",
    }
}

words! {
    /// Where a forward stands.
    ForwardState {
        /// It takes connections.
        Listening = "listening",
        /// Its session is down; a connection that arrives waits.
        Waiting = "waiting",
        /// It does not listen, since its port is taken or the host refuses; that is
        /// tried again, and `last_error` says more.
        Degraded = "degraded",
        /// It cannot go on until a person has seen to its session.
        Failed = "failed",
    }
}

/// One forward.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForwardInfo {
    /// The forward's name.
    pub id: String,
    /// Its session.
    pub session_id: String,
    /// Which way it goes.
    pub kind: ForwardWay,
    /// Where it listens.
    pub bind_addr: String,
    /// The port in effect, never the asked 0; 0 while it does not listen.
    pub bind_port: u16,
    /// The target's host or socket; empty for a dynamic one.
    pub remote_addr: String,
    /// The target's port; 0 for a dynamic one and for a socket.
    pub remote_port: u16,
    /// Connections taken since it was opened.
    pub connections: u64,
    /// What was asked for in the form of `ssh -L`; empty for another kind.
    pub local_spec: String,
    /// What was asked for in the form of `ssh -R`; empty for another kind.
    pub remote_spec: String,
    /// What was asked for in the form of `ssh -D`; empty for another kind.
    pub dynamic_spec: String,
    /// Where it stands.
    pub state: ForwardState,
    /// Connections open now.
    pub open: u64,
    /// Bytes towards the listening side.
    pub bytes_in: u64,
    /// Bytes towards the target.
    pub bytes_out: u64,
    /// The last failure, of a connection too; empty for none.
    pub last_error: String,
    /// Who can use it, where that is not this machine, or the host, alone; empty
    /// where it is.
    pub note: String,
}
