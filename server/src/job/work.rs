//! One job: its output, its state, and what can be told to it.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use schema::Code;
use schema::tools::job::JobState;
use storage::spool::Spool;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::card;
use super::status::{NewJob, Status};
use crate::link::{Connection, Control, OutputSink, Stream};
use crate::output::{Excerpt, Output, Part, excerpt, whole_characters};

/// Orders that wait for a job's driver; one cancel and a few signals.
const ORDERS_MAX: usize = 8;

/// Output that stays in memory, in bytes a stream: what most commands print.
const MEMORY_MAX: u64 = 64 << 10;

/// One piece of long work.
#[derive(Debug)]
pub struct Job {
    id: String,
    new: NewJob,
    begun: Instant,
    output: Mutex<HashMap<Stream, Output>>,
    /// Where it is kept beyond this run, and whether it is.
    spool: Option<Spool>,
    is_kept: Mutex<bool>,
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
    pub(super) fn new(
        id: String,
        new: NewJob,
        spool: Option<Spool>,
    ) -> (Self, mpsc::Receiver<Control>) {
        Self::with(id, new, spool, Status::running(), HashMap::new())
    }

    /// One of an earlier run of the daemon, as its card has it.
    pub(super) fn earlier(
        id: String,
        new: NewJob,
        spool: Spool,
        status: Status,
        output: HashMap<Stream, Output>,
    ) -> (Self, mpsc::Receiver<Control>) {
        let (job, orders) = Self::with(id, new, Some(spool), status, output);
        *job.is_kept.lock().unwrap_or_else(PoisonError::into_inner) = true;
        (job, orders)
    }

    fn with(
        id: String,
        new: NewJob,
        spool: Option<Spool>,
        status: Status,
        output: HashMap<Stream, Output>,
    ) -> (Self, mpsc::Receiver<Control>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let job = Self {
            id,
            new,
            begun: Instant::now(),
            output: Mutex::new(output),
            spool,
            is_kept: Mutex::default(),
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

    /// Whether somebody asked for its end.
    pub(super) fn is_cancelled(&self) -> bool {
        *self.cancel_asked.borrow()
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

    /// Reads a stream by offset; a piece never spans a gap. Blocking, for
    /// microseconds a MiB.
    pub fn read(&self, stream: Stream, offset: u64, max: usize) -> io::Result<Part> {
        self.with_output(stream, |output| output.read(offset, max))
    }

    /// Bytes written to a stream so far.
    pub fn total(&self, stream: Stream) -> u64 {
        self.with_output(stream, |output| output.total())
    }

    /// What there is of a stream from where the last such call ended, less its
    /// middle where that is more than twice `most` bytes; the first call begins
    /// at the beginning. While the job runs, the beginning of a character waits
    /// for its end.
    pub fn read_on(&self, stream: Stream, most: usize) -> io::Result<Excerpt> {
        let runs = self.status.borrow().state == JobState::Running;
        let mut read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        let from = read_to.entry(stream).or_default();
        let read = |offset, max| self.read(stream, offset, max);
        let mut unread = excerpt(&read, *from, self.total(stream), most)?;
        if runs {
            let end = if unread.tail.is_empty() {
                &mut unread.head
            } else {
                &mut unread.tail
            };
            let whole = whole_characters(end);
            unread.next_offset -= (end.len() - whole) as u64;
            end.truncate(whole);
        }
        *from = unread.next_offset;
        Ok(unread)
    }

    /// The same of all that there is since its start; nothing counts as read.
    pub fn read_all(&self, stream: Stream, most: usize) -> io::Result<Excerpt> {
        let read = |offset, max| self.read(stream, offset, max);
        excerpt(&read, 0, self.total(stream), most)
    }

    /// Where [`Job::read_on`] will begin.
    pub fn read_to(&self, stream: Stream) -> u64 {
        let read_to = self.read_to.lock().unwrap_or_else(PoisonError::into_inner);
        read_to.get(&stream).copied().unwrap_or_default()
    }

    /// Its output goes to the disk, now and from here on, and stays readable
    /// after this run of the daemon: somebody was told of it, or it prints much.
    pub fn keep(&self) {
        let mut is_kept = self.is_kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(spool) = self.spool.as_ref().filter(|_| !*is_kept) else {
            return;
        };
        *is_kept = true;
        if let Err(error) = spool.begin(&card::of(&self.id, &self.new, &self.status(), self.took()))
        {
            tracing::warn!(job = %self.id, %error, "the job's output stays in memory");
            return;
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            match spool.create_stream(&self.id, card::name(stream)) {
                Ok(file) => self.with_output(stream, |output| output.spill(file)),
                Err(error) => tracing::warn!(job = %self.id, %error, "output stays in memory"),
            }
        }
        if self.status.borrow().state != JobState::Running {
            self.seal(spool);
        }
    }

    /// Whether [`Job::keep`] was called.
    pub fn is_kept(&self) -> bool {
        *self.is_kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its end is on its card, and it needs no descriptor any more.
    fn seal(&self, spool: &Spool) {
        if let Err(error) =
            spool.write_card(&card::of(&self.id, &self.new, &self.status(), self.took()))
        {
            tracing::warn!(job = %self.id, %error, "how the job ended is not on disk");
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.with_output(stream, Output::seal);
        }
    }

    /// Records its end; the first end stands.
    pub(super) fn end(&self, mut status: Status) {
        status.took = Some(self.begun.elapsed());
        // Whether a host that went away heard of it, nobody knows.
        if *self.cancel_asked.borrow() && !status.survived && status.lost_reason.is_empty() {
            status.state = JobState::Cancelled;
        }
        let is_first = self.status.send_if_modified(|now| {
            let first = now.state == JobState::Running;
            if first {
                *now = status;
            }
            first
        });
        if let Some(spool) = self.spool.as_ref().filter(|_| is_first && self.is_kept()) {
            self.seal(spool);
        }
    }

    /// What an earlier run left of its output, for the job that goes on.
    pub(super) fn take_output(&self) -> HashMap<Stream, Output> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *output)
    }

    fn with_output<T>(&self, stream: Stream, look: impl FnOnce(&mut Output) -> T) -> T {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        look(output.entry(stream).or_default())
    }
}

impl OutputSink for Job {
    fn sent(&self) {
        self.sent.send_replace(true);
    }

    fn write(&self, stream: Stream, bytes: &[u8]) {
        let in_memory = self.with_output(stream, |output| {
            output.append(bytes);
            output.in_memory()
        });
        if in_memory > MEMORY_MAX && !self.is_kept() {
            self.keep();
        }
        self.written.send_modify(|count| *count += 1);
    }
}
