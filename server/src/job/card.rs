//! A job and its card: what the spool keeps of it beside its output, and what
//! an earlier run's card says.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use schema::tools::Tool;
use schema::tools::job::JobState;
use schema::{Code, Fault};
use storage::spool::{Card, CardEnd, Found, FoundStream, Spool, StreamName};

use super::status::{NewJob, Status};
use crate::clock::{from_ms, ms_of};
use crate::link::Stream;
use crate::output::Output;

/// A job as its card has it.
pub(super) fn of(id: &str, new: &NewJob, status: &Status, took: Duration) -> Card {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let failed = status.failed.as_ref();
    let failed_words = failed.map(|fault| fault.message.clone());
    let end = (status.state != JobState::Running).then(|| CardEnd {
        state: status.state.as_str().to_owned(),
        exit_code: status.exit_code,
        signal: status.signal.clone(),
        lost_reason: failed_words.unwrap_or_else(|| status.lost_reason.clone()),
        failed_code: failed.map(|fault| fault.code.as_str().to_owned()),
        env_refused: status.env_refused.clone(),
        survived: status.survived,
        took_ms,
    });
    Card {
        job_id: id.to_owned(),
        tool: new.tool.to_owned(),
        target: new.target.clone(),
        command: new.command.clone(),
        raw: new.raw,
        started_at_ms: ms_of(new.started_at),
        seq: new.seq,
        end,
    }
}

/// A stream's name in the spool.
pub(super) fn name(stream: Stream) -> StreamName {
    match stream {
        Stream::Stdout => StreamName::Stdout,
        Stream::Stderr => StreamName::Stderr,
    }
}

/// What an earlier run left of a job, and how it ended as far as is known.
pub(super) fn read(found: &Found, spool: &Spool) -> (NewJob, Status, HashMap<Stream, Output>) {
    let card = &found.card;
    let new = NewJob {
        tool: Tool::from_name(&card.tool).map_or("", Tool::as_str),
        target: card.target.clone(),
        command: card.command.clone(),
        raw: card.raw,
        started_at: from_ms(card.started_at_ms).unwrap_or(SystemTime::UNIX_EPOCH),
        seq: card.seq,
        is_durable: false,
    };
    let streams = [
        (Stream::Stdout, &found.stdout),
        (Stream::Stderr, &found.stderr),
    ];
    let mut output = HashMap::new();
    for (stream, left) in streams {
        match left {
            None => {}
            Some(FoundStream::Damaged { reason }) => {
                tracing::warn!(job = %card.job_id, reason, "output of an earlier run is gone");
            }
            Some(FoundStream::Whole { .. }) => {
                match spool.open_stream(&card.job_id, name(stream)) {
                    Ok(mut file) => {
                        file.seal();
                        output.insert(stream, Output::of(file));
                    }
                    Err(error) => tracing::warn!(job = %card.job_id, %error, "it cannot be read"),
                }
            }
        }
    }
    (new, status(card.end.as_ref()), output)
}

fn status(end: Option<&CardEnd>) -> Status {
    let Some(end) = end else {
        return Status {
            state: JobState::Lost,
            lost_reason: "the daemon ended while it ran".into(),
            ..Status::running()
        };
    };
    let known = JobState::ALL
        .iter()
        .find(|state| state.as_str() == end.state);
    Status {
        state: known
            .copied()
            .filter(|state| *state != JobState::Running)
            .unwrap_or(JobState::Lost),
        exit_code: end.exit_code,
        signal: end.signal.clone(),
        lost_reason: end.lost_reason.clone(),
        env_refused: end.env_refused.clone(),
        failed: failed(end),
        survived: end.survived,
        took: Some(Duration::from_millis(end.took_ms)),
    }
}

/// Why it certainly never started, or did not come to its end.
fn failed(end: &CardEnd) -> Option<Fault> {
    let name = end.failed_code.as_deref()?;
    // A later program's code is no reason to call the outcome unknown.
    let code = serde_json::from_value(name.into()).unwrap_or(Code::Internal);
    let fault = Fault::new(code, end.lost_reason.clone());
    if end.state == JobState::Lost.as_str() {
        return Some(fault.next("it did not run, so it may be started again"));
    }
    Some(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_certainly_never_started_is_not_called_unknown_after_a_restart() {
        let end = |failed_code: Option<&str>| CardEnd {
            state: "lost".into(),
            lost_reason: "no place".into(),
            failed_code: failed_code.map(str::to_owned),
            ..CardEnd::default()
        };
        let read = status(Some(&end(Some("busy")))).failed.unwrap();
        assert_eq!((read.code, read.message.as_str()), (Code::Busy, "no place"));
        assert!(read.next.contains("did not run"), "{read:?}");
        let copy = CardEnd {
            state: "cancelled".into(),
            ..end(Some("cancelled"))
        };
        assert_eq!(status(Some(&copy)).failed.unwrap().next, "");
        let later = status(Some(&end(Some("of_a_later_program")))).failed;
        assert_eq!(later.unwrap().code, Code::Internal);
        assert_eq!(status(Some(&end(None))).failed, None);
    }
}
