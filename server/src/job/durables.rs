//! All durable jobs that have not ended: followed by a link of their session,
//! or resting until there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::Id;
use storage::state::{Change, CommitError, SavedDurableJob, StateStore};
use tokio_util::task::TaskTracker;

use super::durable::{Resting, drive, forget};
use super::registry::{Jobs, Resumed};
use super::status::NewJob;
use super::work::Job;
use crate::clock::ms_of;
use crate::link::{DurableStart, Links};

/// The durable jobs. A cheap handle.
#[derive(Debug, Clone)]
pub struct DurableJobs {
    jobs: Jobs,
    store: StateStore,
    tasks: TaskTracker,
    book: Arc<Mutex<Book>>,
    /// Those of an earlier run that had ended, though the state still had them.
    settled: Arc<[Arc<Job>]>,
}

#[derive(Default)]
struct Book {
    /// Those that no link follows, by id.
    resting: HashMap<String, Resting>,
    /// The newest links of each session, by its id.
    links: HashMap<String, Links>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book")
            .field("resting", &self.resting.keys())
            .finish_non_exhaustive()
    }
}

impl DurableJobs {
    /// Those that an earlier run left, each resting.
    pub fn new(
        jobs: Jobs,
        store: StateStore,
        tasks: TaskTracker,
        left: Vec<SavedDurableJob>,
    ) -> Self {
        let (mut book, mut settled) = (Book::default(), Vec::new());
        for saved in left {
            let id = saved.id.clone();
            match jobs.resume(saved) {
                Some(Resumed::GoesOn(resting)) => {
                    book.resting.insert(id, *resting);
                    continue;
                }
                Some(Resumed::HadEnded(job)) => settled.push(job),
                None => tracing::error!(job = id, "a durable job's record makes no sense"),
            }
            let store = store.clone();
            tasks.spawn(async move { forget(&store, &id).await });
        }
        Self {
            jobs,
            store,
            tasks,
            book: Arc::new(Mutex::new(book)),
            settled: settled.into(),
        }
    }

    /// Starts a durable job of the session `session_id` on the host `host`. It
    /// is in the state before anything is sent, so that it is found again
    /// whatever happens.
    pub async fn start(
        &self,
        session_id: &Id,
        host: String,
        new: NewJob,
        start: DurableStart,
        links: Links,
    ) -> Result<Arc<Job>, CommitError> {
        let (job, orders) = self.jobs.add(new);
        let new = job.begun_as();
        let saved = SavedDurableJob {
            id: job.id().to_owned(),
            session_id: session_id.clone(),
            host: host.clone(),
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
            host,
            start: Some(start),
            is_asked: false,
            kill: None,
            orders,
        };
        self.follow(resting, links);
        Ok(job)
    }

    /// Goes on with the jobs of a session whose links are there again.
    pub fn attach(&self, session_id: &Id, links: &Links) {
        let mut book = self.lock();
        let taken: Vec<Resting> = book
            .resting
            .extract_if(|_, one| one.job.begun_as().target == session_id.as_str())
            .map(|(_, one)| one)
            .collect();
        book.links.insert(session_id.to_string(), links.clone());
        drop(book);
        for one in taken {
            self.follow(one, links.clone());
        }
    }

    /// How many rest: nothing here can do anything for them.
    pub fn resting(&self) -> usize {
        self.lock().resting.len()
    }

    /// Whether the job rests.
    pub fn is_resting(&self, id: &str) -> bool {
        self.lock().resting.contains_key(id)
    }

    /// Jobs of an earlier run whose end may not be on record.
    pub fn settled(&self) -> &[Arc<Job>] {
        &self.settled
    }

    fn follow(&self, one: Resting, mut links: Links) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let mut one = one;
            while let Some(left) = drive(one, links.clone(), this.store.clone()).await {
                let mut book = this.lock();
                let target = left.job.begun_as().target.clone();
                // Its session may have been made anew before these links ended.
                match book.links.get(&target) {
                    Some(newer) if !newer.state.same_channel(&links.state) => {
                        links = newer.clone();
                        one = left;
                    }
                    _ => {
                        book.links.remove(&target);
                        book.resting.insert(left.job.id().to_owned(), left);
                        return;
                    }
                }
            }
        });
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
