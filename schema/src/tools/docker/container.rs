//! Containers: `docker_containers` and `docker_container_*`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Id;

/// Arguments of `docker_containers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerContainers {
    /// The host.
    #[schemars(extend("hint" = "`local` needs no docker_connect"))]
    pub host_id: Id,
    /// Stopped ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "stopped ones too"))]
    pub all: Option<bool>,
    /// How many at most; 0 or less is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<i64>,
    /// The engine's own filters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "as the engine's: {\"label\":[\"app=web\"]}"))]
    pub filters: Option<BTreeMap<String, Vec<String>>>,
}

/// Arguments of `docker_container_inspect`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerId {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
}

/// Arguments of `docker_container_start`, `_stop` and `_restart`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerStop {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// How long the engine waits before it kills.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_sec: Option<i64>,
}

/// Arguments of `docker_container_kill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerKill {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// A signal's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default SIGKILL"))]
    pub signal: Option<String>,
}

/// Arguments of `docker_container_remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerRemove {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// Also when it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "also when it runs"))]
    pub force: Option<bool>,
    /// Its anonymous volumes too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "anonymous ones"))]
    pub remove_volumes: Option<bool>,
}

/// Arguments of `docker_container_logs`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerLogs {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// The last lines: `all` or a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "\"all\" or a number of lines"))]
    pub tail: Option<String>,
    /// Not before: a time, or an age in Go's syntax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "RFC 3339, or an age: 10m"))]
    pub since: Option<String>,
    /// Before: a time, or an age in Go's syntax.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Each line begins with its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamps: Option<bool>,
    /// This stream; both when neither is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default: both streams"))]
    pub stdout: Option<bool>,
    /// This stream; both when neither is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stderr: Option<bool>,
}

/// One container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerRow {
    /// The first 12 hex digits.
    pub id: String,
    /// Without the engine's leading slash.
    pub name: String,
    /// As it was named when it was run.
    pub image: String,
    /// The engine's word.
    pub state: String,
    /// The engine's sentence.
    pub status: String,
    /// Published ports, joined by commas.
    pub ports: String,
}
