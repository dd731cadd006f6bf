//! `ssh_exec`: a command that its caller waits for, and that goes on as a job
//! when the caller does not wait long enough.

use std::collections::BTreeMap;
use std::sync::Arc;

use schema::limits::{CALL_TIMEOUT_MS, SESSION_WAIT};
use schema::tools::exec::SshExec;
use schema::{Code, Fault};
use tokio::time::{Instant, sleep_until};

use super::connect::{agent_of, or_cancelled};
use super::{finish, waiting};
use crate::job::{Job, NewJob, start_exec};
use crate::link::{DurableStart, Exec, Mark, is_variable_name};
use crate::sessions::Session;
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

pub(super) async fn exec(tools: &Tools, ask: SshExec, caller: &Caller) -> Result<Answer, Fault> {
    refuse_what_comes_later(&ask)?;
    let deadline = Instant::now() + caller.patience(ask.timeout_ms, CALL_TIMEOUT_MS);
    let asked = ask.waiting();
    let max_bytes = ask
        .max_output_bytes
        .and_then(|max| usize::try_from(max).ok());
    let room = finish::room(tools, caller, max_bytes);
    let job = start(tools, ask, deadline, caller).await?;
    let mut answer = waiting::answer(tools, &job, asked, deadline, caller, room).await?;
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
    let host = connection.host();
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
