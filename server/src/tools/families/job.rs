//! `job_list`, `job_wait`, `job_cancel`.

use std::sync::Arc;
use std::time::Duration;

use regex_lite::Regex;
use schema::limits::JOB_WAIT_MS;
use schema::tools::job::{JobCancel, JobList, JobRow, JobState, JobWait};
use schema::{Code, Fault};
use tokio::time::{Instant, timeout, timeout_at};

use super::finish;
use crate::clock::rfc3339;
use crate::job::{Job, Status};
use crate::link::Stream;
use crate::output::{Part, plain};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// How long the end that was asked for may take: TERM, KILL, closing.
const CANCEL_WAIT: Duration = Duration::from_secs(8);

/// Ended jobs that `status` shows; `job_list` has all.
const ENDED_IN_STATUS: usize = 20;

/// How long is waited for a place on the host from which a command is ended.
const PLACE_WAIT: Duration = Duration::from_secs(2);

/// How much of a stream `until` looks at, at once.
const UNTIL_WINDOW: usize = 64 << 10;

pub(super) fn list(tools: &Tools, ask: &JobList) -> Result<Answer, Fault> {
    let wanted = ask.session_id.as_ref().or(ask.host_id.as_ref());
    let jobs = tools.parts.jobs.list();
    let here = |job: &&Arc<Job>| wanted.is_none_or(|id| job.begun_as().target == id.as_str());
    Answer::rows(jobs.iter().filter(here).map(|job| row(job)))
}

pub(super) async fn wait(tools: &Tools, ask: JobWait, caller: &Caller) -> Result<Answer, Fault> {
    let job = find(tools, &ask.job_id)?;
    want_link(tools, &job).await;
    let until = match &ask.until {
        Some(pattern) => Some(Regex::new(pattern).map_err(|error| {
            Fault::new(
                Code::InvalidArgument,
                format!("job_wait: until is no regex: {error}"),
            )
        })?),
        None => None,
    };
    caller.waits_for(&job);
    let deadline = Instant::now() + caller.patience(ask.timeout_ms, JOB_WAIT_MS);
    // What was printed before this call, and not shown yet, counts.
    let unread = [job.read_to(Stream::Stdout), job.read_to(Stream::Stderr)];
    tokio::select! {
        // Whichever comes first; what there is, is answered in any case.
        _ended = timeout_at(deadline, job.ended()) => {}
        () = matched(&job, until.as_ref(), unread) => {}
        () = caller.cancelled.cancelled() => {
            return Err(Fault::new(Code::Cancelled, "the client stopped waiting; the job goes on"));
        }
        () = caller.vanished.cancelled() => {
            return Err(Fault::new(Code::Cancelled, "the client went away; the job goes on"));
        }
    }
    let (status, room) = (job.status(), finish::room(tools, caller, None));
    match status.state {
        // Its end is the call's that started it, not this one's.
        JobState::Running => finish::running(tools, &job, room).map(|answer| Answer {
            goes_on: None,
            ..answer
        }),
        _ => finish::ended(&job, &status, false, room),
    }
}

pub(super) async fn cancel(tools: &Tools, ask: JobCancel) -> Result<Answer, Fault> {
    let job = find(tools, &ask.job_id)?;
    let signal = ask.signal.unwrap_or_else(|| "TERM".into());
    let signal = signal.to_ascii_uppercase();
    let signal = signal.strip_prefix("SIG").unwrap_or(&signal).to_owned();
    if signal.is_empty() || !signal.bytes().all(|b| b.is_ascii_alphanumeric()) {
        let words = format!("job_cancel: `{}` is no signal", signal.escape_debug());
        return Err(Fault::new(Code::InvalidArgument, words).next("TERM, INT, HUP or KILL, say"));
    }
    end(tools, &job, &signal).await;
    Answer::record(&row(&job))
}

/// A durable job is heard of again only over a link.
async fn want_link(tools: &Tools, job: &Job) {
    if job.begun_as().is_durable
        && job.status().state == JobState::Running
        && let Some(session) = tools.parts.sessions.find(&job.begun_as().target)
    {
        session.want().await;
    }
}

/// Ends a job with `signal`, then KILL, and waits for its end.
pub(super) async fn end(tools: &Tools, job: &Job, signal: &str) -> Status {
    // What was not sent yet has nothing on the host to look for, and is told
    // before it is.
    let session = tools.parts.sessions.find(&job.begun_as().target);
    let through = match session.filter(|_| job.is_sent()) {
        Some(session) => session.place(PLACE_WAIT).await.ok(),
        None => None,
    };
    if job.cancel(signal, through) && timeout(CANCEL_WAIT, job.ended()).await.is_err() {
        tracing::warn!(job = job.id(), "it did not end");
    }
    job.status()
}

/// The job, or an error that names those there are.
pub(super) fn find(tools: &Tools, id: &str) -> Result<Arc<Job>, Fault> {
    tools.parts.jobs.get(id).ok_or_else(|| {
        let known: Vec<String> = tools
            .parts
            .jobs
            .list()
            .iter()
            .take(20)
            .map(|job| job.id().to_owned())
            .collect();
        let known = if known.is_empty() {
            "none".into()
        } else {
            known.join(", ")
        };
        let words = format!(
            "there is no job `{}` (there are: {known}); output is kept for 7 days after a job has ended",
            id.escape_debug()
        );
        Fault::new(Code::NotFound, words).next("see job_list, and history for what was run")
    })
}

/// Waits until what is not shown yet matches; for ever without a pattern. Each
/// byte is looked at once, but for the line that it stands in.
async fn matched(job: &Job, until: Option<&Regex>, unread: [u64; 2]) {
    let Some(until) = until else {
        return std::future::pending().await;
    };
    let mut seen = 0;
    let mut looked_to = unread;
    loop {
        for (stream, from) in [Stream::Stdout, Stream::Stderr]
            .into_iter()
            .zip(&mut looked_to)
        {
            while job.total(stream) > *from {
                match job.read(stream, *from, UNTIL_WINDOW) {
                    Ok(part) if until.is_match(&plain(&part.data)) => return,
                    Ok(part) => *from = begun_line(&part, *from, job.total(stream)),
                    // Who reads the answer is told.
                    Err(_unreadable) => return,
                }
                if job.total(stream) - *from < UNTIL_WINDOW as u64 {
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        seen = job.more_output(seen).await;
    }
}

/// Where the next look begins: at the last line, which may go on, if it is no
/// longer than half of what is looked at.
fn begun_line(part: &Part, from: u64, total: u64) -> u64 {
    let end = part.next_offset;
    let line = part.data.iter().rposition(|byte| *byte == b'\n');
    let begun = part.data.len() - line.map_or(0, |at| at + 1);
    let is_new = |at: u64| at > from || end >= total;
    Some(end - begun as u64)
        .filter(|at| begun <= UNTIL_WINDOW / 2 && is_new(*at))
        .unwrap_or(end)
}

/// Those that run, and the last few that ended.
pub(super) fn latest(tools: &Tools) -> Vec<JobRow> {
    let mut ended = 0;
    let mut is_shown = |job: &&Arc<Job>| {
        let runs = job.status().state == JobState::Running;
        ended += usize::from(!runs);
        runs || ended <= ENDED_IN_STATUS
    };
    let jobs = tools.parts.jobs.list();
    jobs.iter()
        .filter(|job| is_shown(job))
        .map(|job| row(job))
        .collect()
}

/// One job as a row.
pub(super) fn row(job: &Job) -> JobRow {
    let (status, new) = (job.status(), job.begun_as());
    JobRow {
        id: job.id().to_owned(),
        tool: new.tool.to_owned(),
        target: new.target.clone(),
        command: new
            .command
            .replace(char::is_control, " ")
            .chars()
            .take(200)
            .collect(),
        state: status.state,
        started_at: rfc3339(new.started_at),
        exit_code: status.exit_code.unwrap_or_default(),
        stdout_bytes: job.total(Stream::Stdout),
        stderr_bytes: job.total(Stream::Stderr),
    }
}
