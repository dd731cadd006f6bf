//! The handle to the audit log.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use schema::Code;

use super::call::{AuditCounts, CallEnd, CallRecord, HistoryQuery, NewCall, Outcome};
use super::error::AuditError;
use super::fold;
use super::front::Front;
use super::month::Month;
use super::open::{self, AuditOpened, AuditOptions};
use super::query;
use super::shared::Shared;
use super::verify::{self, VerifyReport};

/// The result of a call whose intent could not be made durable.
const NEVER_RAN: &str = "never ran: the audit log could not be made durable";

/// The audit log. Cheap to clone; its thread ends with [`AuditLog::close`], or
/// when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct AuditLog {
    shared: Arc<Shared>,
    folder: Arc<Folder>,
}

/// The thread that folds.
#[derive(Debug)]
struct Folder {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Folder {
    /// Lets it fold what is left and waits for its end; says whether this was
    /// the call that ended it.
    fn end(&self) -> bool {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(thread) = thread else {
            return false;
        };
        {
            let mut front = self.shared.front();
            front.absorb(true);
            front.closing = true;
            self.shared.wake.notify_all();
        }
        if thread.join().is_err() {
            tracing::error!("the audit's thread ended in a panic");
        }
        true
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if self.end() {
            tracing::debug!("the audit log was dropped without being closed");
        }
    }
}

impl AuditLog {
    /// Opens the log, or makes it; folds what an earlier run left in the tail.
    /// Blocking, some milliseconds.
    pub fn open(options: &AuditOptions) -> Result<(Self, AuditOpened), AuditError> {
        let (shared, opened) = open::open(options)?;
        let shared = Arc::new(shared);
        let for_thread = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("audit-folder".into())
            .spawn(move || fold::run(&for_thread))
            .map_err(AuditError::Write)?;
        let folder = Arc::new(Folder {
            shared: Arc::clone(&shared),
            thread: Mutex::new(Some(thread)),
        });
        Ok((Self { shared, folder }, opened))
    }

    /// Records a call before its effect, and gives its number. It survives the
    /// process when this returns, with `sync_always` the machine too. On an
    /// error the call must not run. Blocks for one write(2), or for a commit.
    pub fn intent(&self, call: &NewCall) -> Result<u64, AuditError> {
        let mut front = self.shared.front();
        self.shared.reserve(&mut front)?;
        let seq = front.intent(call)?;
        self.written(front)
            .inspect_err(|_refused| self.never_ran(seq))?;
        Ok(seq)
    }

    /// The intent is in the tail, and the call is refused: it would be listed
    /// as running, and later as unknown.
    fn never_ran(&self, seq: u64) {
        let end = CallEnd {
            outcome: Outcome::Error,
            code: Some(Code::Unavailable.as_str().into()),
            result_head: NEVER_RAN.into(),
            ..CallEnd::default()
        };
        let mut front = self.shared.front();
        if let Err(error) = front.outcome(seq, &end) {
            tracing::warn!(seq, %error, "a refused call stays without an outcome");
        }
        self.shared.tell_folder(front);
    }

    /// Records a call's end before its answer; as durable as
    /// [`AuditLog::intent`].
    pub fn outcome(&self, seq: u64, end: &CallEnd) -> Result<(), AuditError> {
        let mut front = self.shared.front();
        front.outcome(seq, end)?;
        self.written(front)
    }

    /// Records a call that changed nothing. Never blocks on a disk: the record
    /// is written within 200 ms, equal polls of a client together. What comes
    /// too fast is counted in [`AuditCounts::lost_reads`].
    pub fn read(&self, call: NewCall, end: CallEnd) {
        let mut front = self.shared.front();
        if front.closing {
            front.polls.lose(1);
            return;
        }
        front.polls.add(call, end);
        self.shared.tell_folder(front);
    }

    /// The calls that were asked for, newest first. Blocking: reads the disk.
    /// A segment that cannot be read is left out; `verify` names it.
    pub fn list(&self, query: &HistoryQuery) -> Result<Vec<CallRecord>, AuditError> {
        Ok(query::list(&self.shared, query))
    }

    /// One call. Blocking.
    pub fn get(&self, seq: u64) -> Result<Option<CallRecord>, AuditError> {
        Ok(query::get(&self.shared, seq))
    }

    /// How much there is. Blocking.
    pub fn count(&self) -> Result<AuditCounts, AuditError> {
        query::count(&self.shared)
    }

    /// What the segments take on the disk, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.shared.shelf().disk_bytes()
    }

    /// Waits until all that was recorded is durable, held polls too. Blocking.
    pub fn flush(&self) -> Result<(), AuditError> {
        let mut front = self.shared.front();
        front.absorb(true);
        let number = front.end.number;
        self.shared.wait_durable(front, number)
    }

    /// Checks the chain of all kept records, or of the months since
    /// `since_ms`, against the key and the checkpoint. Blocking: reads all.
    pub fn verify(&self, since_ms: Option<i64>) -> Result<VerifyReport, AuditError> {
        self.flush()?;
        verify::verify(&self.shared, since_ms)
    }

    /// Removes the segments of months that ended before the one of
    /// `before_ms`, and says how many. The newest always stays.
    pub fn purge(&self, before_ms: i64) -> Result<usize, AuditError> {
        self.flush()?;
        let removed = self.shared.shelf().remove_before(Month::of(before_ms))?;
        verify::note_first_entry(&self.shared)?;
        Ok(removed)
    }

    /// Makes all durable and ends the log. Intents are refused from now on;
    /// closing twice is fine. Blocking.
    pub fn close(&self) -> Result<(), AuditError> {
        if !self.folder.end() {
            return Ok(());
        }
        let (left, failure) = {
            let front = self.shared.front();
            (front.waiting.len(), front.failure.clone())
        };
        self.shared.shelf().close();
        if left > 0 {
            return Err(AuditError::NotDurable(failure));
        }
        let mut head = self.shared.head();
        head.closed = true;
        Ok(head.write(&self.shared.head_path, &self.shared.key)?)
    }

    fn written(&self, front: MutexGuard<'_, Front>) -> Result<(), AuditError> {
        if self.shared.sync_always {
            let number = front.end.number;
            return self.shared.wait_durable(front, number);
        }
        self.shared.tell_folder(front);
        Ok(())
    }
}
