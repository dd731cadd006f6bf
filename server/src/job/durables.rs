//! All durable jobs that have not ended: followed by a link of their session,
//! or resting until there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use schema::Id;
use storage::state::{Change, CommitError, SavedDurableJob, StateStore};
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::durable::{Resting, drive};
use super::registry::Jobs;
use super::status::NewJob;
use super::work::Job;
use crate::clock::ms_of;
use crate::link::{DurableStart, LinkState};

/// The durable jobs. A cheap handle.
#[derive(Debug, Clone)]
pub struct DurableJobs {
    jobs: Jobs,
    store: StateStore,
    tasks: TaskTracker,
    /// Those that no link follows, by id.
    resting: Arc<Mutex<HashMap<String, Resting>>>,
}

impl DurableJobs {
    /// Those that an earlier run left, each resting.
    pub fn new(
        jobs: Jobs,
        store: StateStore,
        tasks: TaskTracker,
        left: Vec<SavedDurableJob>,
    ) -> Self {
        let resting = left.into_iter().filter_map(|saved| jobs.resume(saved));
        let resting = resting.map(|one| (one.job.id().to_owned(), one)).collect();
        Self {
            jobs,
            store,
            tasks,
            resting: Arc::new(Mutex::new(resting)),
        }
    }

    /// Starts a durable job of the session `session_id`. It is in the state
    /// before anything is sent, so that it is found again whatever happens.
    pub async fn start(
        &self,
        session_id: &Id,
        new: NewJob,
        start: DurableStart,
        links: watch::Receiver<LinkState>,
    ) -> Result<Arc<Job>, CommitError> {
        let (job, orders) = self.jobs.add(new);
        let new = job.begun_as();
        let saved = SavedDurableJob {
            id: job.id().to_owned(),
            session_id: session_id.clone(),
            command: new.command.clone(),
            raw: new.raw,
            mark: start.mark.to_string(),
            started_at_ms: ms_of(new.started_at),
            seq: new.seq.unwrap_or_default(),
        };
        let put = Change::PutDurableJob(Box::new(saved));
        if let Err(error) = self.store.commit(vec![put]).await {
            self.jobs.forget(job.id());
            return Err(error);
        }
        job.keep();
        let resting = Resting {
            job: Arc::clone(&job),
            mark: start.mark.clone(),
            start: Some(start),
            orders,
        };
        self.follow(resting, links);
        Ok(job)
    }

    /// Goes on with the jobs of a session whose links are there again.
    pub fn attach(&self, session_id: &Id, links: &watch::Receiver<LinkState>) {
        let taken: Vec<Resting> = {
            let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
            resting
                .extract_if(|_, one| one.job.begun_as().target == session_id.as_str())
                .map(|(_, one)| one)
                .collect()
        };
        for one in taken {
            self.follow(one, links.clone());
        }
    }

    /// How many rest: nothing here can do anything for them.
    pub fn resting(&self) -> usize {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        resting.len()
    }

    fn follow(&self, one: Resting, links: watch::Receiver<LinkState>) {
        let this = self.clone();
        self.tasks.spawn(async move {
            if let Some(left) = drive(one, links, this.store.clone()).await {
                let mut resting = this.resting.lock().unwrap_or_else(PoisonError::into_inner);
                resting.insert(left.job.id().to_owned(), left);
            }
        });
    }
}
