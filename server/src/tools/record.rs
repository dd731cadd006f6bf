//! What the audit log keeps of a call.

use std::time::Duration;

use schema::tools::Tool;
use schema::tools::job::JobState;
use schema::{Code, Fault};
use storage::audit::{CallEnd, NewCall, Outcome};

use super::answer::{Answer, Body};
use super::caller::{Caller, Reach};
use super::desk::Parts;
use super::families::{Ask, hides, types_secret};
use crate::job::{Job, Status};
use crate::link::Stream;
use crate::output::plain;

/// A result's head that is kept with its outcome, in bytes.
const HEAD_BYTES: usize = 4 << 10;

/// A summary's length, in characters.
const SUMMARY_CHARS: usize = 120;

pub(super) fn new_call(tool: Tool, ask: &Ask, caller: &Caller, parts: &Parts) -> NewCall {
    let hidden = match ask {
        Ask::ShellWrite(write) if types_secret(parts, write) => Some(Ask::ShellWrite(hides(write))),
        _ => None,
    };
    let ask = hidden.as_ref().unwrap_or(ask);
    NewCall {
        at_ms: parts.clock.now_ms(),
        client: caller.client.clone(),
        reach: reach(caller.reach).into(),
        tool: tool.as_str().into(),
        session_id: ask.session_id().map(ToOwned::to_owned),
        host_id: None,
        target: ask.target(parts),
        summary: ask.summary().chars().take(SUMMARY_CHARS).collect(),
        arguments_json: ask.safe_json(),
    }
}

/// A call whose arguments make no sense: what they say is not kept, for a
/// secret may stand where nobody expects one.
pub(super) fn unread_call(tool: Tool, caller: &Caller, parts: &Parts) -> NewCall {
    NewCall {
        at_ms: parts.clock.now_ms(),
        client: caller.client.clone(),
        reach: reach(caller.reach).into(),
        tool: tool.as_str().into(),
        session_id: None,
        host_id: None,
        target: None,
        summary: "(refused for its arguments)".into(),
        arguments_json: "{}".into(),
    }
}

/// The end of what went on after its call was answered.
pub(super) fn end_of(job: &Job, status: &Status) -> CallEnd {
    let outcome = match (&status.failed, status.state) {
        (_, JobState::Cancelled) => Outcome::Interrupted,
        (Some(_), _) => Outcome::Error,
        (None, JobState::Exited | JobState::Signalled) => Outcome::Ok,
        (None, _) => Outcome::Unknown,
    };
    let head = |stream| {
        job.read(stream, 0, HEAD_BYTES)
            .map_or_else(|_| Vec::new(), |part| part.data)
    };
    let texts = [Stream::Stdout, Stream::Stderr].map(head);
    CallEnd {
        outcome,
        code: status
            .failed
            .as_ref()
            .map(|fault| fault.code.as_str().into()),
        exit_code: status.exit_code.map(i64::from),
        duration_ms: u64::try_from(job.took().as_millis()).unwrap_or(u64::MAX),
        result_head: match &status.failed {
            Some(fault) => bounded(&fault.message),
            None => bounded(&plain(&texts.concat())),
        },
        job_id: Some(job.id().to_owned()),
    }
}

pub(super) fn end(result: &Result<Answer, Fault>, took: Duration) -> CallEnd {
    let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    match result {
        Ok(answer) => CallEnd {
            outcome: Outcome::Ok,
            code: None,
            exit_code: answer.exit_code,
            duration_ms,
            result_head: head(&answer.body),
            job_id: answer.job_id.clone(),
        },
        Err(fault) => CallEnd {
            outcome: match fault.code {
                Code::OutcomeUnknown => Outcome::Unknown,
                Code::Cancelled => Outcome::Interrupted,
                _ => Outcome::Error,
            },
            code: Some(fault.code.as_str().into()),
            exit_code: None,
            duration_ms,
            result_head: bounded(&fault.message),
            job_id: None,
        },
    }
}

fn head(body: &Body) -> String {
    match body {
        Body::Text(words) => bounded(words),
        Body::Record(fields) => {
            let texts = ["stdout", "stderr", "data", "output"];
            let found = texts.iter().filter_map(|name| fields.get(*name)?.as_str());
            bounded(&found.collect::<Vec<_>>().join(""))
        }
        Body::Rows(rows) => format!("{} rows", rows.len()),
    }
}

fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(HEAD_BYTES))
        .unwrap_or_default()
        .to_owned()
}

fn reach(reach: Reach) -> &'static str {
    match reach {
        Reach::Socket => "stdio",
        Reach::Http => "http",
        Reach::Rpc => "rpc",
        Reach::CommandLine => "cli",
    }
}
