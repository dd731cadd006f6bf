//! One command: `ssh_exec`, and the result that `docker_exec` shares.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::{JobState, OnTimeout, Waiting};
use crate::id::Id;

/// Arguments of `ssh_exec`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshExec {
    /// The session.
    pub session_id: Id,
    /// For the login shell; byte for byte without `env` and `cwd`.
    pub command: String,
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
    /// The folder to run in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
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
    #[schemars(extend("hint" = "answer at once"))]
    pub background: Option<bool>,
    /// Survives link and daemon.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "survives link and daemon"))]
    pub durable: Option<bool>,
    /// Keeps ANSI and control sequences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keep ANSI sequences"))]
    pub raw: Option<bool>,
}

impl SshExec {
    /// How long its caller waits.
    pub const fn waiting(&self) -> Waiting {
        Waiting {
            timeout_ms: self.timeout_ms,
            on_timeout: self.on_timeout,
            background: self.background,
        }
    }
}

/// Result of `ssh_exec` and `docker_exec`, and of `job_wait` on them. What does
/// not apply is left out, but the first three are always there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecResult {
    /// Whether and how it ended.
    pub state: JobState,
    /// What it wrote there, cut in the middle when long.
    pub stdout: String,
    /// What it wrote there, cut in the middle when long.
    pub stderr: String,
    /// Absent while it runs and when it ended without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The signal that ended it, without `SIG`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub signal: String,
    /// The job that holds the rest; empty when all was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub job_id: String,
    /// It was stopped because `timeout_ms` was over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// Output was left out here; `output_read` has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Variables that could not be set.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env_refused: Vec<String>,
    /// It goes on in the container: nothing there could stop it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left_running: bool,
    /// Its process id on the Docker host when it was left running.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_pid: Option<i64>,
    /// What to do next, in words; empty when it ended.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// From the request to the end, or to now.
    pub duration_ms: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(state: JobState) -> ExecResult {
        ExecResult {
            state,
            stdout: "up".into(),
            stderr: String::new(),
            exit_code: None,
            signal: String::new(),
            job_id: String::new(),
            timed_out: false,
            truncated: false,
            env_refused: Vec::new(),
            left_running: false,
            host_pid: None,
            note: String::new(),
            duration_ms: 3,
        }
    }

    #[test]
    fn a_running_command_has_no_exit_code_and_an_ended_one_says_only_what_applies() {
        let running = ExecResult {
            job_id: "j1".into(),
            ..result(JobState::Running)
        };
        assert_eq!(
            serde_json::to_string(&running).unwrap(),
            r#"{"state":"running","stdout":"up","stderr":"","job_id":"j1","duration_ms":3}"#
        );
        let ended = ExecResult {
            exit_code: Some(0),
            ..result(JobState::Exited)
        };
        assert_eq!(
            serde_json::to_string(&ended).unwrap(),
            r#"{"state":"exited","stdout":"up","stderr":"","exit_code":0,"duration_ms":3}"#
        );
    }
}
