//! How the answer of a command reads: what it printed since the last such
//! answer, how it ended, and where the rest is.

use std::io;
use std::sync::Arc;

use schema::limits::RESULT_UNBOUNDED_BYTES;
use schema::tools::exec::ExecResult;
use schema::tools::job::{JobState, StillRunning};
use schema::{Code, Fault};
use serde_json::{Map, Value};

use crate::job::{Job, Status};
use crate::link::Stream;
use crate::output::{Excerpt, plain};
use crate::tools::answer::{Answer, Begin, Gap, More};
use crate::tools::caller::{Caller, Reach};
use crate::tools::desk::Tools;

/// How much output an answer to `caller` can have room for, in bytes.
pub(super) fn room(tools: &Tools, caller: &Caller, asked: Option<usize>) -> usize {
    let most = match caller.reach {
        Reach::Socket | Reach::Http => tools.parts.result_limit,
        Reach::Rpc | Reach::CommandLine => RESULT_UNBOUNDED_BYTES,
    };
    asked.unwrap_or(most).min(RESULT_UNBOUNDED_BYTES)
}

/// It goes on; somebody is told of it, so it is kept. What has ended just now is
/// answered as ended, and names its job all the same: who asked for one looks
/// for it.
pub(super) fn running(tools: &Tools, job: &Arc<Job>, room: usize) -> Result<Answer, Fault> {
    job.keep();
    let status = job.status();
    if job.is_errand() {
        return errand(tools, job, &status);
    }
    if status.state != JobState::Running {
        lost_or_failed(job, &status)?;
        let (mut result, begins) = result(job, &status, |stream| job.read_on(stream, room))?;
        job.id().clone_into(&mut result.job_id);
        return answer(job, result, begins, room);
    }
    let (mut result, begins) = result(job, &status, |stream| job.read_on(stream, room))?;
    job.id().clone_into(&mut result.job_id);
    result.note = note(tools, job);
    let mut answer = answer(job, result, begins, room)?;
    answer.goes_on = Some(Arc::clone(job));
    Ok(answer)
}

/// That it goes on, and what to do about it.
fn note(tools: &Tools, job: &Job) -> String {
    let (id, target) = (job.id(), &job.begun_as().target);
    if tools.parts.durable_jobs.is_resting(id) {
        return format!(
            "it goes on on its host as {id}, and nobody follows it: ssh_connect \
             {{\"id\":\"{target}\"}} with the spec it had, then job_wait"
        );
    }
    format!(
        "it goes on as {id}: do not start it again; job_wait {{\"job_id\":\"{id}\"}} waits for \
         its end"
    )
}

/// It ended, somehow.
pub(super) fn ended(
    job: &Job,
    status: &Status,
    timed_out: bool,
    room: usize,
) -> Result<Answer, Fault> {
    if job.is_errand() {
        return own_result(job, status, timed_out);
    }
    lost_or_failed(job, status)?;
    let (mut result, begins) = result(job, status, |stream| job.read_on(stream, room))?;
    result.timed_out = timed_out;
    answer(job, result, begins, room)
}

/// It ended, and all that it printed since its start; nothing counts as read.
pub(in crate::tools) fn whole(job: &Job, status: &Status, room: usize) -> Result<Answer, Fault> {
    if job.is_errand() {
        return own_result(job, status, false);
    }
    lost_or_failed(job, status)?;
    let (result, begins) = result(job, status, |stream| job.read_all(stream, room))?;
    answer(job, result, begins, room)
}

/// It goes on, or has ended just now.
fn errand(tools: &Tools, job: &Arc<Job>, status: &Status) -> Result<Answer, Fault> {
    if status.state != JobState::Running {
        return own_result(job, status, false);
    }
    let answer = Answer::record(&StillRunning {
        state: status.state,
        job_id: job.id().to_owned(),
        progress: job.words().unwrap_or_default(),
        note: note(tools, job),
    })?;
    Ok(Answer {
        goes_on: Some(Arc::clone(job)),
        job_id: Some(job.id().to_owned()),
        ..answer
    })
}

/// What it printed is its tool's result. One that was stopped for its time answers what
/// there was.
fn own_result(job: &Job, status: &Status, timed_out: bool) -> Result<Answer, Fault> {
    if !(timed_out && status.state == JobState::Cancelled) {
        lost_or_failed(job, status)?;
    }
    let printed = job.read_all(Stream::Stdout, RESULT_UNBOUNDED_BYTES);
    let printed = printed.map_err(|error| unread(job, &error))?;
    let mut fields: Map<String, Value> =
        serde_json::from_slice(&printed.head).map_err(|error| {
            let words = format!("the result of {} cannot be read: {error}", job.id());
            Fault::new(Code::Unavailable, words)
        })?;
    if timed_out {
        fields.insert("timed_out".into(), true.into());
    }
    let mut answer = Answer::record(&fields)?;
    answer.exit_code = status.exit_code.map(i64::from);
    Ok(answer)
}

fn lost_or_failed(job: &Job, status: &Status) -> Result<(), Fault> {
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
        job.keep();
        return Err(Fault::new(Code::OutcomeUnknown, words).next(format!(
            "look at the host before repeating it; output_read {{\"job_id\":\"{}\"}} has what \
                 it printed, history has the call",
            job.id()
        )));
    }
    Ok(())
}

/// The job's result, with what `excerpt` gives of each stream, and where that
/// begins.
fn result(
    job: &Job,
    status: &Status,
    excerpt: impl Fn(Stream) -> io::Result<Excerpt>,
) -> Result<(ExecResult, Vec<Begin>), Fault> {
    let read = |stream, field| {
        let part = excerpt(stream).map_err(|error| unread(job, &error))?;
        Ok::<_, Fault>(text(job, field, &part))
    };
    let (stdout, out) = read(Stream::Stdout, "stdout")?;
    let (stderr, err) = read(Stream::Stderr, "stderr")?;
    let result = ExecResult {
        state: status.state,
        stdout,
        stderr,
        exit_code: status.exit_code,
        signal: status.signal.clone(),
        job_id: String::new(),
        timed_out: false,
        truncated: out.gap.is_some() || err.gap.is_some(),
        env_refused: status.env_refused.clone(),
        left_running: false,
        host_pid: None,
        note: String::new(),
        duration_ms: u64::try_from(job.took().as_millis()).unwrap_or(u64::MAX),
    };
    Ok((result, vec![out, err]))
}

/// What is shown of a piece, with words where its middle is left out.
fn text(job: &Job, field: &'static str, part: &Excerpt) -> (String, Begin) {
    let raw = job.begun_as().raw;
    let mut begin = Begin {
        field,
        offset: part.offset,
        is_exact: false,
        gap: None,
    };
    if part.missing == 0 {
        let whole = [part.head.as_slice(), &part.tail].concat();
        let text = shown(&whole, raw);
        begin.is_exact = text.as_bytes() == whole;
        return (text, begin);
    }
    let mut text = shown(&part.head, raw);
    begin.is_exact = text.as_bytes() == part.head;
    let call = More::call(read_call(job)).at(field, part.offset + part.head.len() as u64);
    let missing = part.missing;
    let words = format!("\n[... {missing} bytes left out; to read it: {call} ...]\n");
    begin.gap = Some(Gap {
        at: text.len(),
        words: words.len(),
        left_out: missing,
    });
    text.push_str(&words);
    text.push_str(&shown(&part.tail, raw));
    (text, begin)
}

fn read_call(job: &Job) -> String {
    format!(
        "output_read {{\"job_id\":\"{}\",\"stream\":\"{{field}}\",\"offset\":{{offset}}}}",
        job.id()
    )
}

/// Kept output that cannot be read.
pub(super) fn unread(job: &Job, error: &io::Error) -> Fault {
    let words = format!("the output of {} cannot be read: {error}", job.id());
    Fault::new(Code::Unavailable, words).next("history has the beginning of what it printed")
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
        job.keep();
    }
    let mut answer = Answer::record(&result)?;
    answer.exit_code = result.exit_code.map(i64::from);
    answer.more = More {
        call: read_call(job),
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
