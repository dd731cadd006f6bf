//! Long work and its output: `job_list`, `job_wait`, `job_cancel` and
//! `output_read`, and what every tool that can take long shares.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::id::Id;

words! {
    /// What happens when a caller's `timeout_ms` is over.
    OnTimeout {
        /// The work goes on as a job; the default.
        Continue = "continue",
        /// The work is stopped.
        Kill = "kill",
    }
}

words! {
    /// Whether and how work ended.
    JobState {
        /// Not yet.
        Running = "running",
        /// With an exit code.
        Exited = "exited",
        /// By a signal.
        Signalled = "signalled",
        /// By its caller.
        Cancelled = "cancelled",
        /// Nobody knows: its link or the daemon went away first.
        Lost = "lost",
    }
}

words! {
    /// One of a command's two outputs.
    Stream {
        /// The default.
        Stdout = "stdout",
        /// The other.
        Stderr = "stderr",
    }
}

words! {
    /// How bytes become a JSON string.
    Encoding {
        /// As UTF-8, what is none of it replaced; the default.
        Text = "text",
        /// Exactly.
        Base64 = "base64",
    }
}

/// How long a caller waits for long work: a part of its arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Waiting {
    /// How long to wait for the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 30000"))]
    pub timeout_ms: Option<i64>,
    /// What happens at the end of `timeout_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_timeout: Option<OnTimeout>,
    /// Answers at once with a job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub background: Option<bool>,
}

/// Arguments of `job_list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct JobList {
    /// Only of this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
    /// Only of this Docker host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<Id>,
}

/// Arguments of `job_wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobWait {
    /// The job.
    pub job_id: String,
    /// How long to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 25000"))]
    pub timeout_ms: Option<i64>,
    /// A regex that ends the waiting when new output matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "regex: return when new output matches"))]
    pub until: Option<String>,
}

/// Arguments of `job_cancel`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JobCancel {
    /// The job.
    pub job_id: String,
    /// A signal's name without `SIG`; KILL follows after 3 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default TERM, then KILL after 3 s"))]
    pub signal: Option<String>,
}

/// Arguments of `output_read`: of `job_id` and `seq` exactly one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct OutputRead {
    /// The job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// A record of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "history record, instead of job_id"))]
    pub seq: Option<u64>,
    /// Which output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// The first byte, in raw bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "in raw bytes"))]
    pub offset: Option<u64>,
    /// How many bytes at most; the result limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// The last lines instead of an offset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "the last n lines"))]
    pub tail: Option<u64>,
    /// Only lines that match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "regex: only matching lines"))]
    pub grep: Option<String>,
    /// Lines around each match of `grep`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "lines around a match"))]
    pub context: Option<u64>,
    /// How `data` is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<Encoding>,
}

/// One piece of long work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobRow {
    /// What to give as `job_id`.
    pub id: String,
    /// The tool that started it.
    pub tool: String,
    /// The session, or the Docker host and container.
    pub target: String,
    /// What it runs, in one line.
    pub command: String,
    /// Whether and how it ended.
    pub state: JobState,
    /// When it began.
    pub started_at: String,
    /// 0 also while it runs: see `state`.
    pub exit_code: i32,
    /// Bytes written so far, dropped ones included.
    pub stdout_bytes: u64,
    /// Bytes written so far, dropped ones included.
    pub stderr_bytes: u64,
}

/// What a tool other than an exec answers while its work goes on; its own
/// result follows from `job_wait`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StillRunning {
    /// [`JobState::Running`], or how it ended without a result.
    pub state: JobState,
    /// What to give to `job_wait`.
    pub job_id: String,
    /// How far it came, in words.
    pub progress: String,
    /// That it goes on and must not be started again, in words.
    pub note: String,
}

/// Result of `output_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputPart {
    /// The bytes asked for, in the encoding asked for.
    pub data: String,
    /// Where they begin, in raw bytes.
    pub offset: u64,
    /// Where the next part begins.
    pub next_offset: u64,
    /// Bytes written so far, dropped ones included.
    pub total: u64,
    /// Nothing follows and nothing will.
    pub eof: bool,
    /// Bytes of the part asked for that are no longer kept.
    pub lost_bytes: u64,
}
