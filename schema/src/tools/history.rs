//! What was done: `history`, `history_show`, `history_replay` and
//! `history_verify`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::job::Waiting;
use super::words::words;
use crate::id::Id;

words! {
    /// How a recorded call ended.
    Outcome {
        /// With a result.
        Ok = "ok",
        /// With a failure.
        Error = "error",
        /// Nobody knows whether it took effect.
        Unknown = "unknown",
        /// The daemon ended first.
        Interrupted = "interrupted",
        /// Not yet.
        Running = "running",
    }
}

/// Arguments of `history`: every one given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HistoryFilter {
    /// Words in tool, target or summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "words in tool, target or summary"))]
    pub query: Option<String>,
    /// A tool's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The session acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
    /// The Docker host acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<Id>,
    /// The calling client's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// How it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "RFC 3339"))]
    pub since: Option<String>,
    /// Before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How many rows at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 50, at most 500"))]
    pub limit: Option<u32>,
    /// Only records with a smaller seq: the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "a seq, for the next page"))]
    pub before: Option<u64>,
}

/// Arguments of `history_show`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryShow {
    /// The record.
    pub seq: u64,
}

/// Arguments of `history_replay`: `seq`, or `from` and `to`, or `seqs`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HistoryReplay {
    /// One record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// The first record of a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The last record of a range, included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<u64>,
    /// Single records, in this order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seqs: Option<Vec<u64>>,
    /// Another session to act on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "run on this one instead"))]
    pub session_id: Option<Id>,
    /// Another Docker host to act on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<Id>,
    /// Only show the calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default true"))]
    pub dry_run: Option<bool>,
    /// Stop at the first failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default true"))]
    pub stop_on_error: Option<bool>,
    /// How long to wait.
    #[serde(flatten)]
    pub waiting: Waiting,
}

/// Arguments of `history_verify`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HistoryVerify {
    /// Only records from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "RFC 3339"))]
    pub since: Option<String>,
}

/// One record in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRow {
    /// The record's number; it only grows.
    pub seq: u64,
    /// When the call began.
    pub at: String,
    /// The client that called.
    pub client: String,
    /// The tool.
    pub tool: String,
    /// The session or Docker host, and what on it; empty for neither.
    pub target: String,
    /// What was asked for, in one line without secrets.
    pub summary: String,
    /// How it ended.
    pub outcome: Outcome,
    /// 0 also where there is none: see `outcome`.
    pub exit_code: i32,
    /// 0 while it runs.
    pub duration_ms: u64,
}

/// Result of `history_show`: one record in full.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRecord {
    /// What its row says.
    #[serde(flatten)]
    pub row: HistoryRow,
    /// The failure's code; empty without one.
    pub code: String,
    /// The failure's text; empty without one.
    pub error: String,
    /// Arguments as recorded, secrets redacted; null when no longer kept.
    pub arguments: Value,
    /// The job that holds the output; empty without one.
    pub job_id: String,
    /// How much it wrote.
    pub output_bytes: u64,
    /// The beginning of its output.
    pub output_head: String,
    /// The end of its output; empty when the beginning is all.
    pub output_tail: String,
}

/// One call that `history_replay` would make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRow {
    /// The record it repeats.
    pub seq: u64,
    /// The tool.
    pub tool: String,
    /// The session or Docker host it would act on.
    pub target: String,
    /// The arguments as JSON.
    pub arguments: String,
    /// Why it cannot run (a redacted argument, say); empty when it can.
    pub problem: String,
}

/// One call that `history_replay` made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedRow {
    /// The record it repeats.
    pub seq: u64,
    /// The new record.
    pub replayed_seq: u64,
    /// How it ended.
    pub outcome: Outcome,
    /// 0 also where there is none: see `outcome`.
    pub exit_code: i32,
}

/// Result of `history_verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryVerified {
    /// How many records were checked.
    pub records: u64,
    /// The first one; 0 without any.
    pub first_seq: u64,
    /// The last one; 0 without any.
    pub last_seq: u64,
    /// The chain is whole.
    pub ok: bool,
    /// The first bad record; 0 when whole.
    pub broken_at: u64,
    /// Unfinished ends that a power cut left and a start cut off.
    pub torn_ends: u64,
    /// What was found, in words; empty when nothing was.
    pub finding: String,
}
