//! One job: its output, its state, and what can be told to it.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use schema::Code;
use schema::tools::Tool;
use schema::tools::job::JobState;
use storage::spool::{Card, Spool};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::card;
use super::status::{NewJob, Status};
use crate::link::{Connection, Kill, OutputSink, Stream};
use crate::output::{Excerpt, Output, Part, excerpt, whole_characters};

/// Orders that wait for a job's driver; one cancel and a few signals.
const ORDERS_MAX: usize = 8;

/// Whether a job has a place on disk: not yet, perhaps soon or never, yes.
const IN_MEMORY: u8 = 0;
const MOVING: u8 = 1;
const ON_DISK: u8 = 2;

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
    kept: AtomicU8,
    /// How long it had run when this run of the daemon took it over.
    ran_before: Duration,
    status: watch::Sender<Status>,
    /// Counts writes, so that a waiter sees new output.
    written: watch::Sender<u64>,
    orders: mpsc::Sender<Kill>,
    /// Whether its command was sent.
    sent: watch::Sender<bool>,
    /// Whether somebody asked for its end.
    cancel_asked: watch::Sender<bool>,
    /// Nothing more is to be done for it on its host.
    is_left: watch::Sender<bool>,
    /// Where `job_wait` goes on, per stream.
    read_to: Mutex<HashMap<Stream, u64>>,
    /// How far it is, of work that prints nothing meanwhile.
    tells: OnceLock<Tells>,
}

/// Says in words how far work is.
#[derive(Clone)]
pub struct Tells(pub Arc<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for Tells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tells").field(&(self.0)()).finish()
    }
}

impl Job {
    /// A running job, and the end of the queue that its driver reads.
    pub(super) fn new(
        id: String,
        new: NewJob,
        spool: Option<Spool>,
    ) -> (Self, mpsc::Receiver<Kill>) {
        Self::with(id, new, spool, Status::running(), HashMap::new())
    }

    /// One of an earlier run of the daemon, as its card has it.
    pub(super) fn earlier(
        id: String,
        new: NewJob,
        spool: Spool,
        status: Status,
        output: HashMap<Stream, Output>,
    ) -> (Self, mpsc::Receiver<Kill>) {
        let (mut job, orders) = Self::with(id, new, Some(spool), status, output);
        job.kept = AtomicU8::new(ON_DISK);
        job.ran_before = job.new.started_at.elapsed().unwrap_or_default();
        (job, orders)
    }

    fn with(
        id: String,
        new: NewJob,
        spool: Option<Spool>,
        status: Status,
        output: HashMap<Stream, Output>,
    ) -> (Self, mpsc::Receiver<Kill>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let job = Self {
            id,
            new,
            begun: Instant::now(),
            output: Mutex::new(output),
            spool,
            kept: AtomicU8::new(IN_MEMORY),
            ran_before: Duration::ZERO,
            status: watch::Sender::new(status),
            written: watch::Sender::new(0),
            orders,
            sent: watch::Sender::new(false),
            cancel_asked: watch::Sender::new(false),
            is_left: watch::Sender::new(false),
            read_to: Mutex::default(),
            tells: OnceLock::new(),
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

    /// Whether it is work of the daemon's own, whose result is what it prints.
    pub fn is_errand(&self) -> bool {
        let tool = Tool::from_name(self.new.tool);
        matches!(tool, Some(Tool::SshUpload | Tool::SshDownload))
    }

    /// What says how far it is; the first one counts.
    pub(super) fn tells(&self, tells: Tells) {
        self.tells.get_or_init(|| tells);
    }

    /// How far it is, in words; none of what prints.
    pub fn words(&self) -> Option<String> {
        self.tells.get().map(|tells| (tells.0)())
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
            .unwrap_or_else(|| self.ran_before + self.begun.elapsed())
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

    /// Whether it was sent to its host.
    pub fn is_sent(&self) -> bool {
        *self.sent.borrow()
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

    /// Nothing more is to be done for it on its host.
    pub(super) fn leave(&self) {
        self.is_left.send_replace(true);
    }

    /// Waits until an ended durable job has nothing left on its host, or nobody
    /// tries to remove it any more.
    pub async fn is_left(&self) {
        // The sender lives as long as self.
        let _never_closed = self
            .is_left
            .subscribe()
            .wait_for(|left| *left)
            .await
            .is_ok();
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
            let kill = Kill {
                signal: signal.to_owned(),
                through,
            };
            if let Err(error) = self.orders.try_send(kill) {
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
    /// Tried once: what has no place on disk stays in memory.
    pub fn keep(&self) {
        let order = Ordering::SeqCst;
        let is_first = self.kept.compare_exchange(IN_MEMORY, MOVING, order, order);
        let Some(spool) = self.spool.as_ref().filter(|_| is_first.is_ok()) else {
            return;
        };
        if let Err(error) = spool.begin(&self.card()) {
            tracing::warn!(job = %self.id, %error, "the job's output stays in memory");
            return;
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            match spool.create_stream(&self.id, card::name(stream)) {
                Ok(file) => self.with_output(stream, |output| output.spill(file)),
                Err(error) => tracing::warn!(job = %self.id, %error, "output stays in memory"),
            }
        }
        self.kept.store(ON_DISK, Ordering::SeqCst);
        // It may have ended meanwhile, and nobody else has written that down.
        if self.status.borrow().state != JobState::Running {
            self.seal(spool);
        }
    }

    /// Whether it has a place on disk.
    pub fn is_kept(&self) -> bool {
        self.kept.load(Ordering::SeqCst) == ON_DISK
    }

    /// Whether all of its output is there, and nothing of it in memory alone.
    pub(super) fn is_on_disk(&self) -> bool {
        let streams = [Stream::Stdout, Stream::Stderr];
        let on_disk = |stream| self.with_output(stream, |output| output.is_on_disk());
        self.is_kept() && streams.into_iter().all(on_disk)
    }

    /// Whether an earlier run wrote its end down.
    pub(super) fn has_written_end(&self) -> bool {
        self.status.borrow().took.is_some()
    }

    fn card(&self) -> Card {
        card::of(&self.id, &self.new, &self.status(), self.took())
    }

    /// Its end is on its card, and it needs no descriptor any more.
    fn seal(&self, spool: &Spool) {
        if let Err(error) = spool.write_card(&self.card()) {
            tracing::warn!(job = %self.id, %error, "how the job ended is not on disk");
        }
        for stream in [Stream::Stdout, Stream::Stderr] {
            self.with_output(stream, Output::seal);
        }
    }

    /// Records its end; the first end stands.
    pub(super) fn end(&self, mut status: Status) {
        status.took = Some(self.ran_before + self.begun.elapsed());
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
        if in_memory > MEMORY_MAX {
            self.keep();
        }
        self.written.send_modify(|count| *count += 1);
    }
}
