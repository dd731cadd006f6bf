//! One link of the chain, and what stands in it.

use serde::{Deserialize, Serialize};

use super::call::{CallEnd, NewCall, Outcome};
use super::chain::Code;
use super::error::AuditError;
use crate::record::{decode, encode};
use crate::redact;

/// Bounds of a record's texts, in bytes. Arguments have their own, 64 KiB.
const LINE_MAX_BYTES: usize = 1 << 10;
const RESULT_HEAD_MAX_BYTES: usize = 4 << 10;

/// A chained entry. Its number is contiguous over the whole log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) body: Vec<u8>,
    pub(super) code: Code,
}

/// What an entry says. On the disk: a byte for the kind, then a record with
/// its own version byte.
#[derive(Debug, Clone)]
pub(super) enum Content {
    Start(StartV1),
    Intent(CallV1),
    Outcome(EndV1),
    Read(ReadV1),
}

const START: u8 = 1;
const INTENT: u8 = 2;
const OUTCOME: u8 = 3;
const READ: u8 = 4;

/// A run of the daemon begins.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct StartV1 {
    pub(super) run: u64,
    pub(super) at_ms: i64,
    pub(super) boot_id: String,
    /// Records of the tail that were cut at this start.
    pub(super) cut_records: u64,
    /// The call at which what was found at this start is no longer what was
    /// written; 0 is none.
    pub(super) broken_at: u64,
    pub(super) findings: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct CallV1 {
    pub(super) seq: u64,
    pub(super) run: u64,
    pub(super) at_ms: i64,
    client: String,
    reach: String,
    tool: String,
    session_id: Option<String>,
    host_id: Option<String>,
    target: Option<String>,
    summary: String,
    arguments_json: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct EndV1 {
    pub(super) seq: u64,
    outcome: u8,
    code: Option<String>,
    exit_code: Option<i64>,
    duration_ms: u64,
    result_head: String,
    job_id: Option<String>,
}

/// One read, or several equal ones.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct ReadV1 {
    pub(super) call: CallV1,
    pub(super) end: EndV1,
    pub(super) count: u64,
    pub(super) last_at_ms: i64,
}

impl Content {
    pub(super) fn to_body(&self) -> Result<Vec<u8>, AuditError> {
        let (kind, record) = match self {
            Self::Start(start) => (START, encode(start)),
            Self::Intent(call) => (INTENT, encode(call)),
            Self::Outcome(end) => (OUTCOME, encode(end)),
            Self::Read(read) => (READ, encode(read)),
        };
        let mut body = record.map_err(|error| AuditError::Record(error.to_string()))?;
        body.insert(0, kind);
        Ok(body)
    }

    pub(super) fn from_body(body: &[u8]) -> Result<Self, AuditError> {
        let content = match body.split_first() {
            Some((&START, record)) => decode(record).map(Self::Start),
            Some((&INTENT, record)) => decode(record).map(Self::Intent),
            Some((&OUTCOME, record)) => decode(record).map(Self::Outcome),
            Some((&READ, record)) => decode(record).map(Self::Read),
            Some((other, _)) => return Err(AuditError::Record(format!("unknown kind {other}"))),
            None => return Err(AuditError::Record("it is empty".into())),
        };
        content.map_err(|error| AuditError::Record(error.to_string()))
    }

    /// The call it begins, or the read it is.
    pub(super) fn call(&self) -> Option<&CallV1> {
        match self {
            Self::Intent(call) => Some(call),
            Self::Read(read) => Some(&read.call),
            Self::Start(_) | Self::Outcome(_) => None,
        }
    }
}

impl CallV1 {
    /// What may be kept of the call.
    pub(super) fn new(seq: u64, run: u64, call: &NewCall) -> Self {
        Self {
            seq,
            run,
            at_ms: call.at_ms,
            client: line(&call.client),
            reach: line(&call.reach),
            tool: line(&call.tool),
            session_id: call.session_id.as_deref().map(line),
            host_id: call.host_id.as_deref().map(line),
            target: call.target.as_deref().map(line),
            summary: line(&call.summary),
            arguments_json: redact::arguments(&call.arguments_json),
        }
    }
}

impl From<CallV1> for NewCall {
    fn from(record: CallV1) -> Self {
        Self {
            at_ms: record.at_ms,
            client: record.client,
            reach: record.reach,
            tool: record.tool,
            session_id: record.session_id,
            host_id: record.host_id,
            target: record.target,
            summary: record.summary,
            arguments_json: record.arguments_json,
        }
    }
}

impl EndV1 {
    /// What may be kept of the end.
    pub(super) fn new(seq: u64, end: &CallEnd) -> Self {
        Self {
            seq,
            outcome: match end.outcome {
                Outcome::Ok => 0,
                Outcome::Error => 1,
                Outcome::Interrupted => 2,
                Outcome::Unknown => 3,
            },
            code: end.code.as_deref().map(line),
            exit_code: end.exit_code,
            duration_ms: end.duration_ms,
            result_head: bounded(&redact::text(&end.result_head), RESULT_HEAD_MAX_BYTES),
            job_id: end.job_id.as_deref().map(line),
        }
    }
}

impl From<EndV1> for CallEnd {
    fn from(record: EndV1) -> Self {
        Self {
            outcome: match record.outcome {
                0 => Outcome::Ok,
                1 => Outcome::Error,
                2 => Outcome::Interrupted,
                _ => Outcome::Unknown,
            },
            code: record.code,
            exit_code: record.exit_code,
            duration_ms: record.duration_ms,
            result_head: record.result_head,
            job_id: record.job_id,
        }
    }
}

fn line(text: &str) -> String {
    bounded(&redact::text(text), LINE_MAX_BYTES)
}

/// Cut at the end of a character.
fn bounded(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let end = (0..=max_bytes)
        .rev()
        .find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default().to_owned()
}
