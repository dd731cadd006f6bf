//! What a caller of long work hears: its end, or that it goes on as a job.

use std::sync::Arc;

use schema::tools::job::{JobState, OnTimeout, Waiting};
use schema::{Code, Fault};
use tokio::time::{Instant, timeout_at};

use super::finish;
use super::job::end;
use crate::job::{Job, Status};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// Why a call stopped waiting.
enum Waited {
    Ended(Status),
    TimeOver,
    Vanished,
    Cancelled,
}

/// Waits for `job` as its caller asked to, until `deadline`.
pub(super) async fn answer(
    tools: &Tools,
    job: &Arc<Job>,
    asked: Waiting,
    deadline: Instant,
    caller: &Caller,
    room: usize,
) -> Result<Answer, Fault> {
    if asked.background == Some(true) {
        return running(tools, job, caller, room);
    }
    match wait_for(job, deadline, caller).await {
        Waited::Ended(status) => said_whole(tools, job, &status, false, room),
        Waited::TimeOver if asked.on_timeout == Some(OnTimeout::Kill) => {
            let status = end(tools, job, "TERM").await;
            if status.state == JobState::Running {
                // It was told, and does not end, or cannot be told.
                running(tools, job, caller, room)
            } else {
                said_whole(tools, job, &status, true, room)
            }
        }
        Waited::TimeOver => running(tools, job, caller, room),
        Waited::Vanished => Ok(left_unread(job)),
        Waited::Cancelled => {
            let status = end(tools, job, "TERM").await;
            let words = format!(
                "the client cancelled the call; it was told to end: {}",
                status.state
            );
            Err(Fault::new(Code::Cancelled, words))
        }
    }
}

/// It goes on, and its caller hears of it in the form that it takes.
fn running(tools: &Tools, job: &Arc<Job>, caller: &Caller, room: usize) -> Result<Answer, Fault> {
    if caller.takes_tasks {
        return Ok(left_unread(job));
    }
    finish::running(tools, job, room)
}

/// It goes on, and its output stays unread, for whoever asks next.
fn left_unread(job: &Arc<Job>) -> Answer {
    job.keep();
    Answer {
        goes_on: Some(Arc::clone(job)),
        ..Answer::text(format!("it goes on as {}", job.id()))
    }
}

async fn wait_for(job: &Job, deadline: Instant, caller: &Caller) -> Waited {
    tokio::select! {
        biased;
        status = timeout_at(deadline, job.ended()) => {
            status.map_or(Waited::TimeOver, Waited::Ended)
        }
        () = caller.cancelled.cancelled() => Waited::Cancelled,
        () = caller.vanished.cancelled() => Waited::Vanished,
    }
}

/// It ended while its caller waited, who never heard of a job: unless output
/// was left out, nobody will ask for it.
fn said_whole(
    tools: &Tools,
    job: &Job,
    status: &Status,
    timed_out: bool,
    room: usize,
) -> Result<Answer, Fault> {
    let answer = finish::ended(job, status, timed_out, room);
    if answer
        .as_ref()
        .map_or(true, |answer| answer.job_id.is_none())
        && !job.is_kept()
    {
        tools.parts.jobs.forget(job.id());
    }
    answer
}
