//! Commands in containers: `docker_exec` and `docker_run`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::tools::job::{OnTimeout, Waiting};

/// Arguments of `docker_exec`; its result is
/// [`ExecResult`](crate::tools::exec::ExecResult).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerExec {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// Program and arguments; no shell in between.
    #[schemars(extend("hint" = "program and arguments, no shell: [\"sh\",\"-c\",\"...\"]"))]
    pub cmd: Vec<String>,
    /// The folder to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// `user[:group]` in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Fed to the command, then closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// How long to wait for the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 30000"))]
    pub timeout_ms: Option<i64>,
    /// A keyring name whose secret is fed on stdin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keyring name, fed on stdin"))]
    pub stdin_secret: Option<String>,
    /// Raises the result limit for this call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_bytes: Option<u64>,
    /// What happens at the end of `timeout_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
    /// Answers at once with a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<bool>,
    /// Keeps ANSI and control sequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<bool>,
}

impl DockerExec {
    /// How long its caller waits.
    pub const fn waiting(&self) -> Waiting {
        Waiting {
            timeout_ms: self.timeout_ms,
            on_timeout: self.on_timeout,
            background: self.background,
        }
    }
}

/// Arguments of `docker_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerRun {
    /// The host.
    pub host_id: Id,
    /// What to run.
    pub spec: RunSpec,
    /// How long to wait for a pull.
    #[serde(flatten)]
    pub waiting: Waiting,
}

/// A container to be. It is always detached: the Go program's `detach` is
/// accepted and means nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct RunSpec {
    /// A reference.
    pub image: String,
    /// Else the engine invents one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Vec<String>>,
    /// Instead of the image's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// The folder to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// `user[:group]` in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Else its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<String>,
    /// As of `docker run -p`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "as docker run -p: 127.0.0.1:8080:80/tcp"))]
    pub ports: Option<Vec<String>>,
    /// As of `docker run -v`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "as docker run -v"))]
    pub volumes: Option<Vec<String>>,
    /// As of `docker run --restart`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "no, always, unless-stopped, on-failure[:n]"))]
    pub restart_policy: Option<String>,
    /// Removed when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_remove: Option<bool>,
    /// Labels to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// As of `docker run --network`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// With a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<bool>,
    /// Pull the image when the engine does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_if_missing: Option<bool>,
}

/// Result of `docker_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DockerRan {
    /// The container's whole id.
    pub id: String,
    /// The engine's.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_spec_with_the_old_detach_is_read_and_keeps_nothing_of_it() {
        let given = r#"{"host_id":"local","spec":{"image":"alpine","detach":true},"timeout_ms":5}"#;
        let run: DockerRun = serde_json::from_str(given).unwrap();
        assert_eq!(run.waiting.timeout_ms, Some(5));
        assert_eq!(
            serde_json::to_string(&run).unwrap(),
            r#"{"host_id":"local","spec":{"image":"alpine"},"timeout_ms":5}"#
        );
    }
}
