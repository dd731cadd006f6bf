//! `ssh_exec`: a command that its caller waits for, and that goes on as a job
//! when the caller does not wait long enough.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schema::limits::{CALL_TIMEOUT_MAX_MS, CALL_TIMEOUT_MS, SESSION_WAIT};
use schema::tools::exec::SshExec;
use schema::tools::job::OnTimeout;
use schema::{Code, Fault};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::connect::{agent_of, or_cancelled};
use super::finish;
use super::job::end;
use crate::job::{Job, NewJob, Status, start_exec};
use crate::link::{DurableStart, Exec, Mark, Stream, is_variable_name};
use crate::sessions::Session;
use crate::tools::answer::Answer;
use crate::tools::caller::{Caller, Reach};
use crate::tools::desk::Tools;

/// How often a waiting call tells its client that it goes on; many clients
/// give up after 60 s of silence, and the contract says 15 s.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// Why a call stopped waiting.
enum Waited {
    Ended(Status),
    TimeOver,
    Vanished,
    Cancelled,
}

pub(super) async fn exec(tools: &Tools, ask: SshExec, caller: &Caller) -> Result<Answer, Fault> {
    refuse_what_comes_later(&ask)?;
    let deadline = Instant::now() + patience(&ask, caller);
    let (on_timeout, background) = (ask.on_timeout, ask.background == Some(true));
    let max_bytes = ask
        .max_output_bytes
        .and_then(|max| usize::try_from(max).ok());
    let room = finish::room(tools, caller, max_bytes);
    let job = start(tools, ask, deadline, caller).await?;
    if background {
        return finish::running(&job, room);
    }
    let mut answer = match wait_for(&job, deadline, caller).await {
        Waited::Ended(status) => said_whole(tools, &job, &status, false, room),
        Waited::TimeOver if on_timeout == Some(OnTimeout::Kill) => {
            let status = end(tools, &job, "TERM").await;
            said_whole(tools, &job, &status, true, room)
        }
        Waited::TimeOver => finish::running(&job, room),
        // Its output stays unread, for whoever asks next.
        Waited::Vanished => {
            job.keep();
            Ok(Answer {
                goes_on: Some(Arc::clone(&job)),
                ..Answer::text(format!("the client went away; it goes on as {}", job.id()))
            })
        }
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
    or_cancelled(caller, async { Ok(session.connection(wait).await?) }).await?;
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
        .start(session.id(), new, start, session.link());
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

/// How long the caller waits. With a progress token, on the command line and
/// over `/rpc` it waits to the end unless it says otherwise.
fn patience(ask: &SshExec, caller: &Caller) -> Duration {
    let asked = ask
        .timeout_ms
        .and_then(|ms| u64::try_from(ms).ok())
        .filter(|ms| *ms > 0);
    let patient =
        caller.progress.is_some() || matches!(caller.reach, Reach::Rpc | Reach::CommandLine);
    let otherwise = if patient {
        CALL_TIMEOUT_MAX_MS
    } else {
        CALL_TIMEOUT_MS
    };
    Duration::from_millis(asked.unwrap_or(otherwise).min(CALL_TIMEOUT_MAX_MS))
}

async fn wait_for(job: &Job, deadline: Instant, caller: &Caller) -> Waited {
    loop {
        let tick = deadline.min(Instant::now() + PROGRESS_EVERY);
        tokio::select! {
            biased;
            status = timeout_at(tick, job.ended()) => match status {
                Ok(status) => return Waited::Ended(status),
                Err(_tick) if Instant::now() >= deadline => return Waited::TimeOver,
                Err(_tick) => tell(job, caller),
            },
            () = caller.cancelled.cancelled() => return Waited::Cancelled,
            () = caller.vanished.cancelled() => return Waited::Vanished,
        }
    }
}

fn tell(job: &Job, caller: &Caller) {
    if let Some(progress) = &caller.progress {
        let (took, bytes) = (job.took().as_secs(), job.total(Stream::Stdout));
        let seconds = u32::try_from(took).map_or(f64::MAX, f64::from);
        progress(
            seconds,
            &format!("runs for {took} s, {bytes} bytes of stdout"),
        );
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
