//! Docker hosts: `docker_connect`, `docker_disconnect`, `docker_list_hosts`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::spec::DockerSpec;
use crate::tools::session::SessionState;

/// Arguments of `docker_connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerConnect {
    /// The host's name.
    #[schemars(extend("hint" = "your name for the host"))]
    pub id: Id,
    /// How to reach it.
    pub spec: DockerSpec,
}

/// Arguments of `docker_disconnect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostId {
    /// The host.
    pub id: Id,
}

/// Result of `docker_connect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostInfo {
    /// The host's name.
    pub id: String,
    /// How it is reached, without credentials.
    pub host: String,
    /// Where it stands.
    pub state: SessionState,
    /// When it was reached; empty when down.
    pub connected_at: String,
    /// Why it is not up, or why it last was not; else empty.
    pub last_error: String,
    /// Back at every daemon start.
    pub persistent: bool,
    /// Ids of its shells.
    pub shells: Vec<String>,
}

/// One Docker host in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostRow {
    /// The host's name.
    pub id: String,
    /// How it is reached, without credentials.
    pub host: String,
    /// Where it stands.
    pub state: SessionState,
    /// Why it is not up, or why it last was not; else empty.
    pub last_error: String,
    /// Back at every daemon start.
    pub persistent: bool,
    /// How many shells it has.
    pub shells: u32,
}
