//! The spec of a Docker host. Field names are the Go program's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// How to reach one Docker engine.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct DockerSpec {
    /// `unix:///path`, `tcp://h:p`, `ssh://user@host[:port][/socket]`,
    /// `ssh://ALIAS`, `session:ID`; else the caller's engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "unix:///path, tcp://h:p, ssh://[user@]host[:port] or alias, session:ID"))]
    pub host: Option<String>,
    /// The client certificate, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_cert_path: Option<String>,
    /// Its key, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_key_path: Option<String>,
    /// Whom to trust, PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_ca_path: Option<String>,
    /// Instead of negotiating.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// For `ssh://`, as in a session's `auth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_path: Option<String>,
    /// Never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_passphrase: Option<Secret>,
    /// Try the agent's keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_agent: Option<bool>,
    /// Another agent than the calling client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_socket: Option<String>,
    /// Never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A keyring name, used as password or passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keyring name of password or passphrase"))]
    pub secret: Option<String>,
    /// Instead of the user's and the system's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts_path: Option<String>,
    /// As in a session's spec.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "as in ssh_connect"))]
    pub host_key: Option<String>,
    /// Skip the host-key check of `ssh://`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub ssh_insecure: bool,
    /// Back at every daemon start until `docker_disconnect`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub persistent: bool,
    /// Connect again at once when dropped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub auto_reconnect: bool,
}
