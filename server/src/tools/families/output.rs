//! `output_read`: a job's output by offset, by its last lines, or by a regex.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use regex_lite::Regex;
use schema::tools::job::{Encoding, JobState, OutputPart, OutputRead, Stream as Named};
use schema::{Code, Fault};

use super::job::find;
use crate::job::Job;
use crate::link::Stream;
use crate::output::{Part, plain};
use crate::tools::answer::Answer;
use crate::tools::desk::Tools;

/// What a read gives when it names no length, in bytes: fits the result limit
/// also when half of it is escaped.
const LENGTH: u64 = 24_000;

pub(super) fn read(tools: &Tools, ask: &OutputRead) -> Result<Answer, Fault> {
    let job = match (&ask.job_id, ask.seq) {
        (Some(id), None) => find(tools, id)?,
        (None, Some(_)) => {
            let words = "output_read: seq is not in this version yet";
            return Err(Fault::new(Code::Unavailable, words).next("give a job_id"));
        }
        _ => {
            let words = "output_read takes a job_id";
            return Err(Fault::new(Code::InvalidArgument, words).next("see job_list"));
        }
    };
    let stream = match ask.stream {
        Some(Named::Stderr) => Stream::Stderr,
        _ => Stream::Stdout,
    };
    let part = match (&ask.grep, ask.tail) {
        (Some(pattern), _) => matching(&job, stream, pattern, ask)?,
        (None, Some(lines)) => tail(&job, stream, lines),
        (None, None) => {
            let length = ask.length.unwrap_or(LENGTH);
            job.read(
                stream,
                ask.offset.unwrap_or(0),
                usize::try_from(length).unwrap_or(usize::MAX),
            )
        }
    };
    let total = job.total(stream);
    let data = match ask.encoding {
        Some(Encoding::Base64) => STANDARD.encode(&part.data),
        _ => plain(&part.data),
    };
    let mut answer = Answer::record(&OutputPart {
        data,
        offset: part.offset,
        next_offset: part.next_offset,
        total,
        eof: part.next_offset >= total && job.status().state != JobState::Running,
        lost_bytes: part.lost_bytes,
    })?;
    answer.max_bytes = ask
        .length
        .and_then(|length| usize::try_from(length).ok())
        .map(|length| {
            // Room for the other fields, and for characters that are escaped.
            length.saturating_mul(2).saturating_add(2_000)
        });
    Ok(answer)
}

fn tail(job: &Job, stream: Stream, lines: u64) -> Part {
    let all = job.read_from(stream, 0);
    let text = all.data.strip_suffix(b"\n").unwrap_or(&all.data);
    let wanted = usize::try_from(lines).unwrap_or(usize::MAX);
    let ends = text
        .iter()
        .enumerate()
        .rev()
        .filter(|(_, byte)| **byte == b'\n');
    let from = match wanted {
        0 => all.data.len(),
        n => ends.map(|(at, _)| at + 1).nth(n - 1).unwrap_or(0),
    };
    let data = all.data.get(from..).unwrap_or_default().to_vec();
    Part {
        offset: all.next_offset - data.len() as u64,
        next_offset: all.next_offset,
        data,
        lost_bytes: 0,
    }
}

fn matching(job: &Job, stream: Stream, pattern: &str, ask: &OutputRead) -> Result<Part, Fault> {
    let regex = Regex::new(pattern).map_err(|error| {
        Fault::new(
            Code::InvalidArgument,
            format!("output_read: grep is no regex: {error}"),
        )
    })?;
    let all = job.read_from(stream, 0);
    let text = String::from_utf8_lossy(&all.data);
    let lines: Vec<&str> = text.lines().collect();
    let around = ask
        .context
        .and_then(|lines| usize::try_from(lines).ok())
        .unwrap_or(0);
    let mut shown = vec![false; lines.len()];
    for (at, line) in lines.iter().enumerate() {
        if regex.is_match(line) {
            let last = at.saturating_add(around).min(lines.len() - 1);
            for flag in shown
                .iter_mut()
                .take(last + 1)
                .skip(at.saturating_sub(around))
            {
                *flag = true;
            }
        }
    }
    let numbered = lines
        .iter()
        .zip(shown)
        .enumerate()
        .filter(|(_, (_, shown))| *shown);
    let rows: Vec<String> = numbered
        .map(|(at, (line, _))| format!("{}:{line}\n", at + 1))
        .collect();
    let data = rows.concat();
    Ok(Part {
        data: data.into_bytes(),
        offset: 0,
        ..all
    })
}
