//! `output_read`: a job's output by offset, by its last lines, or by a regex.

use std::io;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use schema::limits::RESULT_UNBOUNDED_BYTES;
use schema::tools::job::{Encoding, JobState, OutputPart, OutputRead, Stream as Named};
use schema::{Code, Fault};

use super::finish::unread;
use super::job::find;
use crate::job::Job;
use crate::link::Stream;
use crate::output::{Part, Wanted, grep, plain, tail, whole_characters};
use crate::tools::answer::Answer;
use crate::tools::desk::Tools;

/// What a read gives when it names no length, in bytes: fits the result limit
/// also when half of it is escaped.
const LENGTH: u64 = 24_000;

/// What the fields beside the data take, in bytes.
const OTHER_FIELDS: usize = 500;

/// A piece that is read no shorter, in bytes.
const SHORTEST: usize = 1_000;

pub(super) async fn read(tools: &Tools, ask: OutputRead) -> Result<Answer, Fault> {
    let job = match (&ask.job_id, ask.seq) {
        (Some(id), None) => find(tools, id)?,
        (None, Some(seq)) => tools.parts.jobs.of_call(seq).ok_or_else(|| {
            let words = format!("no output of the call {seq} is kept beside its answer");
            Fault::new(Code::NotFound, words).next(
                "history shows what it was; what is cut from an answer or goes on as a job is \
                 kept for 7 days",
            )
        })?,
        _ => {
            let words = "output_read takes a job_id, or the seq of a history record";
            return Err(Fault::new(Code::InvalidArgument, words).next("see job_list"));
        }
    };
    let regex = match &ask.grep {
        Some(pattern) => Some(Regex::new(pattern).map_err(|error| {
            let words = format!("output_read: grep is no regex: {error}");
            Fault::new(Code::InvalidArgument, words)
        })?),
        None => None,
    };
    // Asked for, it may be as long as it is written; else the usual limit counts.
    let room = match ask.length {
        Some(_) => RESULT_UNBOUNDED_BYTES,
        None => tools.parts.result_limit,
    };
    let looking = tokio::task::spawn_blocking(move || look(&job, regex.as_ref(), &ask, room));
    let mut answer = match looking.await {
        Ok(found) => found?,
        Err(panic) => {
            let words = format!("looking through the output failed: {panic}");
            return Err(Fault::new(Code::Internal, words));
        }
    };
    answer.max_bytes = Some(room);
    Ok(answer)
}

/// Reads what is asked for. Blocking: a search reads all that is kept. What would
/// be cut in the writing is read shorter, so that nothing is passed over.
fn look(
    job: &Arc<Job>,
    regex: Option<&Regex>,
    ask: &OutputRead,
    room: usize,
) -> Result<Answer, Fault> {
    let stream = match ask.stream {
        Some(Named::Stderr) => Stream::Stderr,
        _ => Stream::Stdout,
    };
    let is_over = job.status().state != JobState::Running;
    let total = job.total(stream);
    let length = usize::try_from(ask.length.unwrap_or(LENGTH)).unwrap_or(usize::MAX);
    let mut length = length.min(RESULT_UNBOUNDED_BYTES / 8);
    let (part, data) = loop {
        let part = piece(job, stream, regex, ask, is_over, length);
        let part = part.map_err(|error| unread(job, &error))?;
        let data = match ask.encoding {
            Some(Encoding::Base64) => STANDARD.encode(&part.data),
            _ => plain(&part.data),
        };
        let written = serde_json::to_string(&data).map_or(data.len(), |text| text.len());
        if written + OTHER_FIELDS <= room || length <= SHORTEST {
            break (part, data);
        }
        length /= 2;
    };
    Answer::record(&OutputPart {
        data,
        offset: part.offset,
        next_offset: part.next_offset,
        total,
        eof: part.next_offset >= total && is_over,
        lost_bytes: part.lost_bytes,
    })
}

fn piece(
    job: &Job,
    stream: Stream,
    regex: Option<&Regex>,
    ask: &OutputRead,
    is_over: bool,
    length: usize,
) -> io::Result<Part> {
    let read = |offset, max| job.read(stream, offset, max);
    let from = ask.offset.unwrap_or(0);
    match (regex, ask.tail) {
        (Some(regex), _) => grep(
            &read,
            &Wanted {
                regex,
                context: ask
                    .context
                    .and_then(|n| usize::try_from(n).ok())
                    .unwrap_or(0),
                from,
                most: length,
                is_over,
            },
        ),
        (None, Some(lines)) => tail(&read, job.total(stream), lines, length),
        (None, None) => {
            let mut part = read(from, length)?;
            // The rest of a character begins the next piece, where that fits.
            let whole = whole_characters(&part.data);
            let is_text = ask.encoding != Some(Encoding::Base64);
            if is_text && whole > 0 && (part.next_offset < job.total(stream) || !is_over) {
                part.next_offset -= (part.data.len() - whole) as u64;
                part.data.truncate(whole);
            }
            Ok(part)
        }
    }
}
