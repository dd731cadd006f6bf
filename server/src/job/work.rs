//! One job: its output, its state, and what can be told to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use schema::tools::job::JobState;
use schema::{Code, Fault};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::link::{Connection, Control, OutputSink, Stream};
use crate::output::{Kept, Part};

/// Orders that wait for a job's driver; one cancel and a few signals.
const ORDERS_MAX: usize = 8;

/// What a job is begun with.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The tool that started it.
    pub tool: &'static str,
    /// The session, or the Docker host and container.
    pub target: String,
    /// What it runs.
    pub command: String,
    /// Keep control sequences in results.
    pub raw: bool,
    /// The time of day.
    pub started_at: SystemTime,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether and how it ended.
    pub state: JobState,
    /// Present when it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it; empty for none.
    pub signal: String,
    /// Why nobody knows how it ended; empty when somebody does.
    pub lost_reason: String,
    /// Variables that could not be set.
    pub env_refused: Vec<String>,
    /// Present when it never started.
    pub failed: Option<Fault>,
    /// It was told to end and did not.
    pub survived: bool,
    /// From its start to its end; none while it runs.
    pub took: Option<Duration>,
}

/// One piece of long work.
#[derive(Debug)]
pub struct Job {
    id: String,
    new: NewJob,
    begun: Instant,
    output: Mutex<HashMap<Stream, Kept>>,
    status: watch::Sender<Status>,
    /// Counts writes, so that a waiter sees new output.
    written: watch::Sender<u64>,
    orders: mpsc::Sender<Control>,
    /// Whether its command was sent.
    sent: watch::Sender<bool>,
    /// Whether somebody asked for its end.
    cancel_asked: watch::Sender<bool>,
    /// Where `job_wait` goes on, per stream.
    read_to: Mutex<HashMap<Stream, u64>>,
}

impl Job {
    /// A running job, and the end of the queue that its driver reads.
    pub(super) fn new(id: String, new: NewJob) -> (Self, mpsc::Receiver<Control>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let status = Status {
            state: JobState::Running,
            exit_code: None,
            signal: String::new(),
            lost_reason: String::new(),
            env_refused: Vec::new(),
            failed: None,
            survived: false,
            took: None,
        };
        let job = Self {
            id,
            new,
            begun: Instant::now(),
            output: Mutex::default(),
            status: watch::Sender::new(status),
            written: watch::Sender::new(0),
            orders,
            sent: watch::Sender::new(false),
            cancel_asked: watch::Sender::new(false),
            read_to: Mutex::default(),
        };
        (job, taken)
    }

    /// What to give as `job_id`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it was begun with.
    pub fn begun_as(&self) -> &NewJob {
        &self.new
    }

    /// Where it stands.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// How long it has run, or ran.
    pub fn took(&self) -> Duration {
        self.status
            .borrow()
            .took
            .unwrap_or_else(|| self.begun.elapsed())
    }

    /// Waits until it was sent to its host; false when it ended before.
    pub async fn begun(&self) -> bool {
        let mut sent = self.sent.subscribe();
        tokio::select! {
            biased;
            was_sent = sent.wait_for(|sent| *sent) => was_sent.is_ok(),
            _ended = self.ended() => false,
        }
    }

    /// The code of why it never started.
    pub fn failed_code(&self) -> Option<Code> {
        self.status.borrow().failed.as_ref().map(|fault| fault.code)
    }

    /// Waits for its end.
    pub async fn ended(&self) -> Status {
        let mut status = self.status.subscribe();
        // The sender lives as long as self.
        match status
            .wait_for(|status| status.state != JobState::Running)
            .await
        {
            Ok(ended) => ended.clone(),
            Err(_closed) => self.status(),
        }
    }

    /// Waits for more output than there was at `seen` writes; returns the
    /// writes so far.
    pub async fn more_output(&self, seen: u64) -> u64 {
        let mut written = self.written.subscribe();
        match written.wait_for(|count| *count > seen).await {
            Ok(count) => *count,
            Err(_closed) => seen,
        }
    }

    /// Asks for its end: a signal, then KILL, by way of the connection
    /// `through` where its own has no place. Whether it still ran.
    pub fn cancel(&self, signal: &str, through: Option<Arc<Connection>>) -> bool {
        let runs = self.status.borrow().state == JobState::Running;
        if runs {
            self.cancel_asked.send_replace(true);
            let kill = crate::link::Kill {
                signal: signal.to_owned(),
                through,
            };
            if let Err(error) = self.orders.try_send(Control::Kill(kill)) {
                tracing::debug!(job = %self.id, %error, "the job has its orders already");
            }
        }
        runs
    }

    /// Reads a stream by offset.
    pub fn read(&self, stream: Stream, offset: u64, max: usize) -> Part {
        self.with_output(stream, |kept| kept.read(offset, max))
    }

    /// Bytes written to a stream so far.
    pub fn total(&self, stream: Stream) -> u64 {
        self.with_output(stream, |kept| kept.total())
    }

    /// Everything that is kept of a stream from where the last such call
    /// ended; the first call begins at the beginning. While the job runs, the
    /// beginning of a character waits for its end.
    pub fn read_on(&self, stream: Stream) -> Part {
        let runs = self.status.borrow().state == JobState::Running;
        let mut read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        let from = read_to.entry(stream).or_default();
        let mut unread = self.with_output(stream, |kept| kept.read_all(*from));
        if runs {
            let whole = whole_characters(&unread.data);
            unread.next_offset -= (unread.data.len() - whole) as u64;
            unread.data.truncate(whole);
        }
        *from = unread.next_offset;
        unread
    }

    /// Where [`Job::read_on`] will begin.
    pub fn read_to(&self, stream: Stream) -> u64 {
        let read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        read_to.get(&stream).copied().unwrap_or_default()
    }

    /// Everything that is kept of a stream from `offset`.
    pub fn read_from(&self, stream: Stream, offset: u64) -> Part {
        self.with_output(stream, |kept| kept.read_all(offset))
    }

    /// Records its end; the first end stands.
    pub(super) fn end(&self, mut status: Status) {
        status.took = Some(self.begun.elapsed());
        // Whether a host that went away heard of it, nobody knows.
        if *self.cancel_asked.borrow() && !status.survived && status.lost_reason.is_empty() {
            status.state = JobState::Cancelled;
        }
        self.status.send_if_modified(|now| {
            let first = now.state == JobState::Running;
            if first {
                *now = status;
            }
            first
        });
    }

    fn with_output<T>(&self, stream: Stream, look: impl FnOnce(&mut Kept) -> T) -> T {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        look(output.entry(stream).or_default())
    }
}

/// How much of `bytes` ends with a whole character, as UTF-8 has them (RFC
/// 3629): all of it, unless its last three bytes begin one that is not ended.
fn whole_characters(bytes: &[u8]) -> usize {
    let last = bytes.len().saturating_sub(3);
    let end = bytes.get(last..).unwrap_or_default();
    let begun = end.iter().rposition(|byte| *byte >= 0xC0);
    match begun.and_then(|at| Some((at, end.get(at..)?))) {
        Some((at, &[first, ref rest @ ..])) if rest.len() < more_bytes(first) => last + at,
        _ => bytes.len(),
    }
}

/// How many bytes follow the first of a character.
fn more_bytes(first: u8) -> usize {
    match first {
        0xC2..=0xDF => 1,
        0xE0..=0xEF => 2,
        0xF0..=0xF4 => 3,
        _ => 0,
    }
}

impl OutputSink for Job {
    fn sent(&self) {
        self.sent.send_replace(true);
    }

    fn write(&self, stream: Stream, bytes: &[u8]) {
        self.with_output(stream, |kept| kept.append(bytes));
        self.written.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_has_only_begun_is_left_for_later() {
        for text in ["a", "ä", "aä", "x€", "🦀"] {
            let bytes = text.as_bytes();
            assert_eq!(whole_characters(bytes), bytes.len(), "{text}");
            let start = bytes.len() - text.chars().last().unwrap().len_utf8();
            for cut in start + 1..bytes.len() {
                assert_eq!(whole_characters(&bytes[..cut]), start, "{text} {cut}");
            }
        }
        assert_eq!(whole_characters(b""), 0);
        assert_eq!(whole_characters(&[0x80, 0xFF, 0xBF]), 3, "no text at all");
    }
}
