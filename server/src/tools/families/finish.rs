//! How the answer of a command reads: what it printed since the last such
//! answer, how it ended, and where the rest is.

use std::sync::Arc;

use schema::tools::exec::ExecResult;
use schema::tools::job::JobState;
use schema::{Code, Fault};

use crate::job::{Job, Status};
use crate::link::Stream;
use crate::output::{Part, plain};
use crate::tools::answer::{Answer, Begin, More};

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
