//! All jobs of the daemon: those that run, and those that ended and whose
//! output is kept, of earlier runs too.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use schema::tools::Tool;
use schema::tools::job::JobState;
use storage::spool::{Found, Spool};
use storage::state::SavedDurableJob;
use tokio::sync::mpsc;

use super::card;
use super::durable::Resting;
use super::status::{NewJob, Status};
use super::work::Job;
use crate::clock::from_ms;
use crate::link::{Kill, Mark};

/// Ended jobs that have no place on disk, whose 2 MiB at most are in memory.
const IN_MEMORY_MAX: usize = 64;

/// The jobs. A cheap handle.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// Tells this run's ids from those of an earlier daemon.
    run: Arc<str>,
    /// Where output is kept; none where the disk has no place for it.
    spool: Option<Spool>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<String, Arc<Job>>,
    /// Oldest first.
    order: VecDeque<String>,
    next: u64,
}

/// A durable job of an earlier run.
pub(super) enum Resumed {
    /// Nobody has seen its end.
    GoesOn(Box<Resting>),
    /// It has ended.
    HadEnded(Arc<Job>),
}

impl Jobs {
    /// The jobs that earlier runs left, newest first in `found`, and none of
    /// this run yet; `run` is its short name.
    pub fn new(run: &str, spool: Option<Spool>, found: &[Found]) -> Self {
        let mut inner = Inner::default();
        for left in found.iter().rev() {
            let Some(spool) = &spool else { break };
            let (new, status, output) = card::read(left, spool);
            let id = left.card.job_id.clone();
            let (job, _orders) = Job::earlier(id, new, spool.clone(), status, output);
            inner.add(Arc::new(job));
        }
        Self {
            run: run.into(),
            spool,
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// The job of that id.
    pub fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().by_id.get(id).cloned()
    }

    /// The job of the call with that number in history.
    pub fn of_call(&self, seq: u64) -> Option<Arc<Job>> {
        let inner = self.lock();
        let mut jobs = inner.by_id.values();
        jobs.find(|job| job.begun_as().seq == Some(seq)).cloned()
    }

    /// All of them, newest first.
    pub fn list(&self) -> Vec<Arc<Job>> {
        let inner = self.lock();
        let newest = inner.order.iter().rev();
        newest
            .filter_map(|id| inner.by_id.get(id).cloned())
            .collect()
    }

    /// Forgets an ended job whose caller has all of it.
    pub fn forget(&self, id: &str) {
        let gone = self.lock().remove(id);
        if let (Some(job), Some(spool)) = (gone, &self.spool)
            && job.is_kept()
            && let Err(error) = spool.remove(job.id())
        {
            tracing::warn!(job = id, %error, "its output stays on disk");
        }
    }

    /// Stops the daemon's own work, which then leaves nothing half done, and waits for
    /// its end.
    pub async fn end_errands(&self) {
        let mut errands = self.list();
        errands.retain(|job| job.is_errand() && job.cancel("TERM", None));
        for job in errands {
            job.ended().await;
        }
    }

    /// How many run.
    pub fn running(&self) -> usize {
        let inner = self.lock();
        let runs = |job: &&Arc<Job>| job.status().state == JobState::Running;
        inner.by_id.values().filter(runs).count()
    }

    /// What kept output takes of the disk, in bytes.
    pub fn disk_bytes(&self) -> u64 {
        self.spool.as_ref().map_or(0, Spool::disk_bytes)
    }

    /// Drops the output of jobs that ended long ago, and what is over the limits
    /// of the disk. Blocking: looks at every job's folder.
    pub fn tidy(&self, now_ms: i64) {
        let Some(spool) = &self.spool else { return };
        let running: HashSet<String> = self
            .list()
            .iter()
            .filter(|job| job.status().state == JobState::Running)
            .map(|job| job.id().to_owned())
            .collect();
        match spool.tidy(now_ms, |id| running.contains(id)) {
            Ok(gone) => {
                let mut inner = self.lock();
                for id in gone {
                    inner.remove(&id);
                }
            }
            Err(error) => tracing::warn!(%error, "kept output could not be tidied"),
        }
    }

    /// A durable job of an earlier run; none when its record makes no sense. What
    /// there is of its output stays.
    pub(super) fn resume(&self, saved: SavedDurableJob) -> Option<Resumed> {
        let known = self.get(&saved.id);
        if let Some(job) = known.as_ref().filter(|job| job.has_written_end()) {
            return Some(Resumed::HadEnded(Arc::clone(job)));
        }
        let mark = Mark::parse(&saved.mark)?;
        let new = NewJob {
            tool: Tool::SshExec.as_str(),
            target: saved.session_id.to_string(),
            command: saved.command,
            raw: saved.raw,
            started_at: from_ms(saved.started_at_ms).unwrap_or(SystemTime::UNIX_EPOCH),
            seq: Some(saved.seq),
            is_durable: true,
        };
        let (id, spool) = (saved.id, self.spool.clone());
        let (job, orders) = match (known, spool) {
            (Some(earlier), Some(spool)) => {
                let output = earlier.take_output();
                Job::earlier(id.clone(), new, spool, Status::running(), output)
            }
            (_, spool) => Job::new(id.clone(), new, spool),
        };
        let job = Arc::new(job);
        let mut inner = self.lock();
        inner.remove(&id);
        inner.add(Arc::clone(&job));
        drop(inner);
        job.keep();
        Some(Resumed::GoesOn(Box::new(Resting {
            job,
            mark,
            host: saved.host,
            start: None,
            is_asked: true,
            kill: None,
            orders,
        })))
    }

    pub(super) fn add(&self, new: NewJob) -> (Arc<Job>, mpsc::Receiver<Kill>) {
        let mut inner = self.lock();
        inner.next += 1;
        let id = format!("job-{}-{}", self.run, inner.next);
        let (job, orders) = Job::new(id, new, self.spool.clone());
        let job = Arc::new(job);
        inner.add(Arc::clone(&job));
        inner.drop_oldest_in_memory();
        (job, orders)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, job: Arc<Job>) {
        self.order.push_back(job.id().to_owned());
        self.by_id.insert(job.id().to_owned(), job);
    }

    fn remove(&mut self, id: &str) -> Option<Arc<Job>> {
        self.order.retain(|other| other != id);
        self.by_id.remove(id)
    }

    fn drop_oldest_in_memory(&mut self) {
        if self.order.len() <= IN_MEMORY_MAX {
            return;
        }
        let in_memory = |id: &&String| {
            let job = self.by_id.get(*id);
            job.is_some_and(|job| !job.is_kept() && job.status().state != JobState::Running)
        };
        let ended: Vec<String> = self.order.iter().filter(in_memory).cloned().collect();
        for id in ended.iter().take(ended.len().saturating_sub(IN_MEMORY_MAX)) {
            self.remove(id);
        }
    }
}
