//! Sessions: `ssh_connect`, `ssh_disconnect`, `ssh_list`, `ssh_info`,
//! `ssh_reconnect`, `ssh_clone` and `ssh_hosts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::id::Id;
use crate::spec::SshSpec;

/// Arguments of `ssh_connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshConnect {
    /// The session's name.
    #[schemars(extend("hint" = "your name for the session"))]
    pub id: Id,
    /// How to reach it; with none the id is an alias of `ssh_config`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default: the id as ssh_config alias"))]
    pub spec: Option<SshSpec>,
    /// Moves the password or passphrase given into the keyring.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keep the password or passphrase in the keyring"))]
    pub remember: Option<bool>,
}

/// Arguments of `ssh_disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshDisconnect {
    /// The session.
    pub id: Id,
    /// Also ends durable shells and jobs on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "also end durable shells and jobs"))]
    pub end_durable: Option<bool>,
}

/// Arguments of `ssh_list` and other tools that take none.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct NoArguments {}

/// Arguments of `ssh_info` and `ssh_reconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionId {
    /// The session.
    pub id: Id,
}

/// Arguments of `ssh_clone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshClone {
    /// The session whose spec is taken.
    pub source_id: Id,
    /// The new session's name.
    pub new_id: Id,
}

/// Arguments of `ssh_hosts`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SshHosts {
    /// A part of the alias or host; all when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "part of alias or host"))]
    pub query: Option<String>,
}

words! {
    /// Where a session stands.
    SessionState {
        /// Dialled for the first time.
        Connecting = "connecting",
        /// Up.
        Connected = "connected",
        /// Was up or is persistent, and is tried again.
        Reconnecting = "reconnecting",
        /// The server refused every credential; a person must give one.
        NeedsAuth = "needs_auth",
        /// The server's key changed; nothing is tried until a person looked.
        HostKeyChanged = "host_key_changed",
        /// Down until the next call.
        Disconnected = "disconnected",
    }
}

/// One session in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// The session's name.
    pub id: String,
    /// The user it logs in as.
    pub user: String,
    /// The address in use, else the first one asked for.
    pub address: String,
    /// Where it stands.
    pub state: SessionState,
    /// Why it is not up, or why it last was not; else empty.
    pub last_error: String,
    /// Back at every daemon start.
    pub persistent: bool,
    /// Re-dialled at once when dropped.
    pub auto_reconnect: bool,
    /// How many forwards it has.
    pub forwards: u32,
    /// How many shells it has.
    pub shells: u32,
}

/// One session in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionInfo {
    /// The session's name.
    pub id: String,
    /// The user it logs in as.
    pub user: String,
    /// The addresses asked for, in the order in which they are tried.
    pub addresses: Vec<String>,
    /// The one in use; empty when down.
    pub active_address: String,
    /// Where it stands.
    pub state: SessionState,
    /// Why it is not up, or why it last was not; else empty.
    pub last_error: String,
    /// When the link came up; empty when down.
    pub connected_at: String,
    /// Ids of its forwards.
    pub forwards: Vec<String>,
    /// Ids of its shells.
    pub shells: Vec<String>,
    /// Back at every daemon start.
    pub persistent: bool,
    /// Re-dialled at once when dropped.
    pub auto_reconnect: bool,
    /// What of it outlives a drop, a daemon and a reboot, in words.
    pub survives: String,
    /// The server's key, `SHA256:...`; empty before the first link.
    pub host_key: String,
    /// The key exchange in use.
    pub kex: String,
    /// The cipher in use.
    pub cipher: String,
    /// No host key was checked.
    pub insecure: bool,
    /// The server's identification line.
    pub server_version: String,
    /// The last keepalive's round trip; 0 before the first.
    pub latency_ms: u64,
    /// How often the link came up again.
    pub reconnects: u64,
    /// When the next dial is due; empty when none is.
    pub next_retry_at: String,
    /// The client that asked for it.
    pub opened_by: String,
    /// Directives of `ssh_config` that were not honoured.
    pub ssh_config_ignored: Vec<String>,
}

/// Result of `ssh_connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshConnected {
    /// The session.
    #[serde(flatten)]
    pub session: SessionInfo,
    /// It was there already with an equal spec.
    pub reused: bool,
}

/// One alias that `ssh_config` names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostAliasRow {
    /// What to give to `ssh_connect`.
    pub alias: String,
    /// Its `HostName`, else the alias.
    pub host: String,
    /// Its `User`; empty for the caller's.
    pub user: String,
    /// Its `Port`, else 22.
    pub port: u16,
    /// Its `ProxyJump`; empty for none.
    pub jump: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_of_a_connect_has_no_password_and_nothing_that_was_not_given() {
        let given = r#"{"id":"web","spec":{"addresses":["web"],"auth":{"password":"hunter2"}}}"#;
        let connect: SshConnect = serde_json::from_str(given).unwrap();
        assert_eq!(
            serde_json::to_string(&connect).unwrap(),
            given.replace("hunter2", "[redacted]")
        );
    }
}
