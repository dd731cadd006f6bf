//! All jobs of the daemon: those that run, and the latest that ended.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use schema::tools::job::JobState;
use tokio::sync::mpsc;

use super::work::{Job, NewJob};
use crate::link::Control;

/// Jobs that stay readable after their end. Each keeps at most 2 MiB of
/// output, most keep a few lines.
const ENDED_MAX: usize = 64;

/// The jobs. A cheap handle.
#[derive(Debug, Clone)]
pub struct Jobs {
    /// Tells this run's ids from those of an earlier daemon.
    run: Arc<str>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    by_id: HashMap<String, Arc<Job>>,
    /// Oldest first.
    order: VecDeque<String>,
    next: u64,
}

impl Jobs {
    /// No jobs yet; `run` is a short name of this run of the daemon.
    pub fn new(run: &str) -> Self {
        Self {
            run: run.into(),
            inner: Arc::default(),
        }
    }

    /// The job of that id.
    pub fn get(&self, id: &str) -> Option<Arc<Job>> {
        self.lock().by_id.get(id).cloned()
    }

    /// All of them, newest first.
    pub fn list(&self) -> Vec<Arc<Job>> {
        let inner = self.lock();
        inner
            .order
            .iter()
            .rev()
            .filter_map(|id| inner.by_id.get(id).cloned())
            .collect()
    }

    /// Forgets an ended job whose caller has all of it.
    pub fn forget(&self, id: &str) {
        let mut inner = self.lock();
        inner.by_id.remove(id);
        inner.order.retain(|other| other != id);
    }

    /// How many run.
    pub fn running(&self) -> usize {
        let inner = self.lock();
        inner
            .by_id
            .values()
            .filter(|job| job.status().state == JobState::Running)
            .count()
    }

    pub(super) fn add(&self, new: NewJob) -> (Arc<Job>, mpsc::Receiver<Control>) {
        let mut inner = self.lock();
        inner.next += 1;
        let id = format!("job-{}-{}", self.run, inner.next);
        let (job, orders) = Job::new(id.clone(), new);
        let job = Arc::new(job);
        inner.by_id.insert(id.clone(), Arc::clone(&job));
        inner.order.push_back(id);
        inner.drop_oldest_ended();
        (job, orders)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn drop_oldest_ended(&mut self) {
        if self.order.len() <= ENDED_MAX {
            return;
        }
        let ended = |id: &String| {
            self.by_id
                .get(id)
                .is_none_or(|job| job.status().state != JobState::Running)
        };
        let ended: Vec<String> = self.order.iter().filter(|id| ended(id)).cloned().collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
            self.by_id.remove(id);
            self.order.retain(|other| other != id);
        }
    }
}
