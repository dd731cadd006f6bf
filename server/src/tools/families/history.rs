//! `history`: what was done, newest first.

use schema::tools::history::{HistoryFilter, HistoryRow, Outcome};
use schema::tools::job::JobState;
use schema::{Code, Fault};
use storage::audit::{CallRecord, HistoryQuery, RecordedOutcome};

use crate::clock::{ms_of_rfc3339, rfc3339_ms};
use crate::tools::answer::{Answer, More};
use crate::tools::desk::Tools;

/// Rows when a caller names no limit, and at most.
const LIMIT: u32 = 50;
const LIMIT_MAX: u32 = 500;

pub(super) async fn list(tools: &Tools, ask: HistoryFilter) -> Result<Answer, Fault> {
    let query = query(ask)?;
    let audit = tools.parts.audit.clone();
    let listing = tokio::task::spawn_blocking(move || audit.list(&query));
    let records = match listing.await {
        Ok(Ok(records)) => records,
        Ok(Err(error)) => {
            let words = format!("the history cannot be read: {}", Fault::chain(&error));
            return Err(Fault::new(Code::Unavailable, words));
        }
        Err(panic) => {
            return Err(Fault::new(
                Code::Internal,
                format!("the history failed: {panic}"),
            ));
        }
    };
    let before = records.last().map(|record| record.seq);
    let mut answer = Answer::rows(records.iter().map(|record| row(tools, record)))?;
    if before.is_some() {
        answer.more = More::call("history with before = the last seq shown");
    }
    Ok(answer)
}

fn query(ask: HistoryFilter) -> Result<HistoryQuery, Fault> {
    let time = |name: &str, text: Option<String>| match text {
        None => Ok(None),
        Some(text) => ms_of_rfc3339(&text).map(Some).ok_or_else(|| {
            let words = format!("history: {name} `{}` is no time", text.escape_debug());
            Fault::new(Code::InvalidArgument, words).next("write it like 2026-03-01T09:30:00Z")
        }),
    };
    let limit = ask
        .limit
        .filter(|limit| *limit > 0)
        .unwrap_or(LIMIT)
        .min(LIMIT_MAX);
    Ok(HistoryQuery {
        query: ask.query,
        tool: ask.tool,
        session_id: ask.session_id.map(Into::into),
        host_id: ask.host_id.map(Into::into),
        client: ask.client,
        outcome: ask.outcome.map(recorded),
        since_ms: time("since", ask.since)?,
        until_ms: time("until", ask.until)?,
        limit: limit as usize,
        before: ask.before,
    })
}

fn row(tools: &Tools, record: &CallRecord) -> HistoryRow {
    // An earlier run's call without an end may go on as a durable job.
    let runs = || {
        let job = tools.parts.jobs.of_call(record.seq);
        job.is_some_and(|job| job.status().state == JobState::Running)
    };
    let end = record.end.as_ref();
    let exit_code = end.and_then(|end| end.exit_code).unwrap_or_default();
    HistoryRow {
        seq: record.seq,
        at: rfc3339_ms(record.call.at_ms),
        client: record.call.client.clone(),
        tool: record.call.tool.clone(),
        target: target(record),
        summary: record.call.summary.clone(),
        outcome: match record.outcome {
            RecordedOutcome::Ok => Outcome::Ok,
            RecordedOutcome::Error => Outcome::Error,
            RecordedOutcome::Interrupted => Outcome::Interrupted,
            RecordedOutcome::Unknown if runs() => Outcome::Running,
            RecordedOutcome::Unknown => Outcome::Unknown,
            RecordedOutcome::Running => Outcome::Running,
        },
        exit_code: i32::try_from(exit_code).unwrap_or(i32::MAX),
        duration_ms: end.map(|end| end.duration_ms).unwrap_or_default(),
    }
}

/// What it worked on: the caller's own name for it, where it has one.
fn target(record: &CallRecord) -> String {
    let call = &record.call;
    let named = call
        .session_id
        .as_ref()
        .or(call.host_id.as_ref())
        .or(call.target.as_ref());
    named.cloned().unwrap_or_default()
}

fn recorded(outcome: Outcome) -> RecordedOutcome {
    match outcome {
        Outcome::Ok => RecordedOutcome::Ok,
        Outcome::Error => RecordedOutcome::Error,
        Outcome::Unknown => RecordedOutcome::Unknown,
        Outcome::Interrupted => RecordedOutcome::Interrupted,
        Outcome::Running => RecordedOutcome::Running,
    }
}
