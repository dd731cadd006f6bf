//! `ssh_exec`: a command that its caller waits for, and that goes on as a job
//! when the caller does not wait long enough.

use std::sync::Arc;
use std::time::Duration;

use schema::limits::{CALL_TIMEOUT_MAX_MS, CALL_TIMEOUT_MS, SESSION_WAIT};
use schema::tools::exec::{ExecResult, SshExec};
use schema::tools::job::{JobState, OnTimeout};
use schema::{Code, Fault};
use tokio::time::{Instant, sleep_until, timeout, timeout_at};

use super::connect::or_cancelled;
use crate::job::{Job, NewJob, Status, start_exec};
use crate::link::{Exec, Stream};
use crate::output::{Part, plain};
use crate::tools::answer::{Answer, Begin, More};
use crate::tools::caller::{Caller, Reach};
use crate::tools::desk::Tools;

/// How often a waiting call tells its client that it goes on; many clients
/// give up after 60 s of silence, and the contract says 15 s.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// How long a killed command may take to end: TERM, KILL and closing.
const KILL_WAIT: Duration = Duration::from_secs(8);

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
    let room = max_bytes.unwrap_or(tools.parts.result_limit);
    let job = start(tools, ask, deadline, caller).await?;
    if background {
        return running(&job);
    }
    let mut answer = match wait_for(&job, deadline, caller).await {
        Waited::Ended(status) => said_whole(tools, &job, &status, false, room),
        Waited::TimeOver if on_timeout == Some(OnTimeout::Kill) => {
            let status = kill(&job).await;
            said_whole(tools, &job, &status, true, room)
        }
        Waited::TimeOver => running(&job),
        // Its output stays unread, for whoever asks next.
        Waited::Vanished => Ok(Answer {
            goes_on: Some(Arc::clone(&job)),
            ..Answer::text(format!("the client went away; it goes on as {}", job.id()))
        }),
        Waited::Cancelled => {
            let status = kill(&job).await;
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
/// waits. A link that turns out dead before is dialled anew, once: nothing
/// ran, so nothing can run twice.
async fn start(
    tools: &Tools,
    ask: SshExec,
    deadline: Instant,
    caller: &Caller,
) -> Result<Arc<Job>, Fault> {
    let session = tools.parts.sessions.get(&ask.session_id)?;
    let new = NewJob {
        tool: "ssh_exec",
        target: ask.session_id.to_string(),
        command: ask.command.clone(),
        raw: ask.raw == Some(true),
        started_at: tools.parts.clock.now(),
    };
    let exec = Exec {
        command: ask.command,
        env: ask.env.unwrap_or_default(),
        cwd: ask.cwd,
        stdin: ask.stdin.map(String::into_bytes),
    };
    let mut is_second = false;
    loop {
        let wait = deadline.duration_since(Instant::now()).min(SESSION_WAIT);
        let connection =
            or_cancelled(caller, async { Ok(session.connection(wait).await?) }).await?;
        let (jobs, tasks) = (&tools.parts.jobs, &tools.parts.tasks);
        let job = start_exec(jobs, tasks, connection, exec.clone(), new.clone());
        let begun = tokio::select! {
            begun = job.begun() => begun,
            () = sleep_until(deadline) => return Ok(job),
            () = caller.cancelled.cancelled() => return Ok(job),
            () = caller.vanished.cancelled() => return Ok(job),
        };
        if is_second || begun || job.failed_code() != Some(Code::NotConnected) {
            return Ok(job);
        }
        jobs.forget(job.id());
        is_second = true;
    }
}

fn refuse_what_comes_later(ask: &SshExec) -> Result<(), Fault> {
    let later = [
        (ask.durable == Some(true), "durable"),
        (ask.stdin_secret.is_some(), "stdin_secret"),
    ];
    match later.iter().find(|(asked, _)| *asked) {
        Some((_, name)) => {
            let words = format!("ssh_exec: {name} is not in this version yet");
            Err(Fault::new(Code::Unavailable, words).next("call it without"))
        }
        None => Ok(()),
    }
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

async fn kill(job: &Job) -> Status {
    job.cancel("TERM");
    match timeout(KILL_WAIT, job.ended()).await {
        Ok(status) => status,
        Err(_late) => job.status(),
    }
}

/// It goes on.
pub(super) fn running(job: &Arc<Job>) -> Result<Answer, Fault> {
    let (mut result, begins) = result(job, &job.status());
    job.id().clone_into(&mut result.job_id);
    result.note = format!(
        "it goes on as {0}: do not start it again; job_wait {{\"job_id\":\"{0}\"}} waits for its end",
        job.id()
    );
    let mut answer = answer(job, result, begins, usize::MAX)?;
    answer.goes_on = Some(Arc::clone(job));
    Ok(answer)
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
    let answer = ended(job, status, timed_out, room)?;
    if answer.job_id.is_none() {
        tools.parts.jobs.forget(job.id());
    }
    Ok(answer)
}

/// It ended, somehow.
pub(super) fn ended(
    job: &Job,
    status: &Status,
    timed_out: bool,
    room: usize,
) -> Result<Answer, Fault> {
    if let Some(fault) = &status.failed {
        return Err(fault.clone());
    }
    if status.state == JobState::Lost {
        let words = format!(
            "the outcome of `{}` on {} is unknown: {}; it was not run again",
            job.begun_as().command,
            job.begun_as().target,
            status.lost_reason
        );
        return Err(Fault::new(Code::OutcomeUnknown, words).next(format!(
            "look at the host before repeating it; output_read {{\"job_id\":\"{}\"}} has what \
                 it printed, history has the call",
            job.id()
        )));
    }
    let (mut result, begins) = result(job, status);
    result.timed_out = timed_out;
    answer(job, result, begins, room)
}

/// The job's result, with what there is to read since the last such result,
/// and where that begins.
fn result(job: &Job, status: &Status) -> (ExecResult, Vec<Begin>) {
    let raw = job.begun_as().raw;
    let (out, err) = (job.read_on(Stream::Stdout), job.read_on(Stream::Stderr));
    let (stdout, stderr) = (shown(&out.data, raw), shown(&err.data, raw));
    let begin = |field, part: &Part, text: &str| Begin {
        field,
        offset: part.offset,
        is_exact: text.as_bytes() == part.data && part.lost_bytes == 0,
    };
    let begins = vec![
        begin("stdout", &out, &stdout),
        begin("stderr", &err, &stderr),
    ];
    let result = ExecResult {
        state: status.state,
        stdout,
        stderr,
        exit_code: status.exit_code,
        signal: status.signal.clone(),
        job_id: String::new(),
        timed_out: false,
        truncated: out.lost_bytes + err.lost_bytes > 0,
        env_refused: status.env_refused.clone(),
        left_running: false,
        host_pid: None,
        note: String::new(),
        duration_ms: u64::try_from(job.took().as_millis()).unwrap_or(u64::MAX),
    };
    (result, begins)
}

fn shown(bytes: &[u8], raw: bool) -> String {
    if raw {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        plain(bytes)
    }
}

/// How much output surely fits an answer of `room` bytes: each may be written
/// as six (`\u001b`), and there are other fields.
fn surely_whole(room: usize) -> usize {
    room.saturating_sub(500) / 6
}

/// An ended job that may not be shown whole stays for `output_read`.
fn answer(
    job: &Job,
    mut result: ExecResult,
    begins: Vec<Begin>,
    room: usize,
) -> Result<Answer, Fault> {
    let long = result.stdout.len() + result.stderr.len() > surely_whole(room);
    if result.state != JobState::Running && (long || result.truncated) {
        job.id().clone_into(&mut result.job_id);
    }
    let mut answer = Answer::record(&result)?;
    answer.exit_code = result.exit_code.map(i64::from);
    answer.more = More {
        call: format!(
            "output_read {{\"job_id\":\"{}\",\"stream\":\"{{field}}\",\"offset\":{{offset}}}}",
            job.id()
        ),
        begins,
    };
    if !result.job_id.is_empty() {
        answer.job_id = Some(result.job_id.clone());
        answer
            .structured
            .insert("job_id".into(), result.job_id.into());
    }
    Ok(answer)
}
