//! `ssh_exec`: a command that its caller waits for, and that goes on as a job
//! when the caller does not wait long enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::limits::{CALL_TIMEOUT_MS, SESSION_WAIT};
use schema::tools::exec::SshExec;
use schema::tools::job::{JobState, OnTimeout};
use schema::{Code, Fault};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connect::{agent_of, or_cancelled};
use super::finish;
use super::job::end;
use crate::job::{Job, NewJob, Status, host_of, start_exec};
use crate::link::{DurableStart, Exec, Mark, is_variable_name};
use crate::sessions::Session;
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

pub(super) async fn exec(tools: &Tools, ask: SshExec, caller: &Caller) -> Result<Answer, Fault> {
    refuse_what_comes_later(&ask)?;
    let deadline = Instant::now() + caller.patience(ask.timeout_ms, CALL_TIMEOUT_MS);
    let (on_timeout, background) = (ask.on_timeout, ask.background == Some(true));
    let max_bytes = ask
        .max_output_bytes
        .and_then(|max| usize::try_from(max).ok());
    let room = finish::room(tools, caller, max_bytes);
    let job = start(tools, ask, deadline, caller).await?;
    if background {
        return running(tools, &job, caller, room);
    }
    let mut answer = match wait_for(&job, deadline, caller).await {
        Waited::Ended(status) => said_whole(tools, &job, &status, false, room),
        Waited::TimeOver if on_timeout == Some(OnTimeout::Kill) => {
            let status = end(tools, &job, "TERM").await;
            if status.state == JobState::Running {
                // It was told, and does not end, or cannot be told.
                running(tools, &job, caller, room)
            } else {
                said_whole(tools, &job, &status, true, room)
            }
        }
        Waited::TimeOver => running(tools, &job, caller, room),
        Waited::Vanished => Ok(left_unread(&job)),
        Waited::Cancelled => {
            let status = end(tools, &job, "TERM").await;
            let words = format!(
                "the client cancelled the call; the command was told to end: {}",
                status.state
            );
            Err(Fault::new(Code::Cancelled, words))
        }
    }?;
    answer.max_bytes = max_bytes;
    Ok(answer)
}

/// Starts the command, and waits for it to be sent as long as its caller
/// waits. A link that turns out dead before is dialled anew, once, and one that
/// turns out to have no place is left for another: nothing ran, so nothing can
/// run twice.
async fn start(
    tools: &Tools,
    ask: SshExec,
    deadline: Instant,
    caller: &Caller,
) -> Result<Arc<Job>, Fault> {
    let session = tools.parts.sessions.get(&ask.session_id)?;
    let is_durable = ask.durable == Some(true);
    let new = NewJob {
        tool: "ssh_exec",
        target: ask.session_id.to_string(),
        command: ask.command.clone(),
        raw: ask.raw == Some(true),
        started_at: tools.parts.clock.now(),
        seq: caller.seq,
        is_durable,
    };
    if is_durable {
        return durable(tools, ask, &session, new, deadline, caller).await;
    }
    let exec = Exec {
        command: ask.command,
        env: ask.env.unwrap_or_default(),
        cwd: ask.cwd,
        stdin: ask.stdin.map(String::into_bytes),
        agent: agent_of(caller),
    };
    let mut is_second = false;
    loop {
        let wait = deadline.duration_since(Instant::now()).min(SESSION_WAIT);
        let connection = or_cancelled(caller, async { Ok(session.place(wait).await?) }).await?;
        let (jobs, tasks) = (&tools.parts.jobs, &tools.parts.tasks);
        let job = start_exec(jobs, tasks, connection, exec.clone(), new.clone());
        caller.waits_for(&job);
        let begun = tokio::select! {
            begun = job.begun() => begun,
            () = sleep_until(deadline) => return Ok(job),
            () = caller.cancelled.cancelled() => return Ok(job),
            () = caller.vanished.cancelled() => return Ok(job),
        };
        match job.failed_code() {
            Some(Code::Busy) if !begun => {}
            Some(Code::NotConnected) if !begun && !is_second => is_second = true,
            _ => return Ok(job),
        }
        jobs.forget(job.id());
    }
}

/// The same of one that is to outlive link and daemon. Its start may be asked for
/// again over another link, and so it is, as long as its caller waits.
async fn durable(
    tools: &Tools,
    ask: SshExec,
    session: &Session,
    new: NewJob,
    deadline: Instant,
    caller: &Caller,
) -> Result<Arc<Job>, Fault> {
    let (env, odd): (BTreeMap<_, _>, BTreeMap<_, _>) = ask
        .env
        .unwrap_or_default()
        .into_iter()
        .partition(|(name, _)| is_variable_name(name));
    if let Some((name, _)) = odd.first_key_value() {
        let words = format!("ssh_exec: no shell exports `{}`", name.escape_debug());
        return Err(Fault::new(Code::InvalidArgument, words).next("take another name in env"));
    }
    // A host that is not there is told now, before anything is on record.
    let wait = deadline.duration_since(Instant::now()).min(SESSION_WAIT);
    let connection = or_cancelled(caller, async { Ok(session.connection(wait).await?) }).await?;
    let host = host_of(&connection);
    let start = DurableStart {
        mark: Mark::fresh(),
        command: ask.command,
        env,
        cwd: ask.cwd,
        stdin: ask.stdin.map(String::into_bytes),
    };
    let starting = tools
        .parts
        .durable_jobs
        .start(session.id(), host, new, start, session.links());
    let job = starting.await.map_err(|error| {
        let words = format!(
            "the job cannot be kept, so it was not started: {}",
            Fault::chain(&error)
        );
        Fault::new(Code::Unavailable, words).next("make room on the disk and try again")
    })?;
    tokio::select! {
        _begun = job.begun() => {}
        () = sleep_until(deadline) => {}
        () = caller.cancelled.cancelled() => {}
        () = caller.vanished.cancelled() => {}
    }
    Ok(job)
}

fn refuse_what_comes_later(ask: &SshExec) -> Result<(), Fault> {
    if ask.stdin_secret.is_none() {
        return Ok(());
    }
    let words = "ssh_exec: stdin_secret is not in this version yet";
    Err(Fault::new(Code::Unavailable, words).next("call it without"))
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
    let answer = finish::ended(job, status, timed_out, room)?;
    if answer.job_id.is_none() {
        tools.parts.jobs.forget(job.id());
    }
    Ok(answer)
}
