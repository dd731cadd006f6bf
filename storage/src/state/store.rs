//! The handle to the state: changes go in, and are durable when answered.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::change::{Change, Edit};
use super::error::{CommitError, OpenError};
use super::open::{self, Opened, StateOptions};
use super::picture::Picture;
use super::writer::{QUEUE_JOBS, Request, run};
use crate::database::Durable;
use crate::migrate::CHAIN;

/// The state. Cheap to clone; all clones share one writer thread, which ends
/// when the last is dropped or one is closed.
#[derive(Debug, Clone)]
pub struct StateStore {
    requests: mpsc::Sender<Request>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl StateStore {
    /// Opens the state, or makes it: blocking, some milliseconds.
    pub fn open(options: StateOptions) -> Result<(Self, Opened), OpenError> {
        let (database, opened) = open::open(&options, CHAIN)?;
        let path = options.path;
        let durable = Durable::new(path.clone(), database);
        let (requests, waiting) = mpsc::channel(QUEUE_JOBS);
        let writer = std::thread::Builder::new()
            .name("state-writer".into())
            .spawn(move || run(durable, waiting))
            .map_err(|source| OpenError::Disk {
                path,
                source: source.into(),
            })?;
        let store = Self {
            requests,
            writer: Arc::new(Mutex::new(Some(writer))),
        };
        Ok((store, opened))
    }

    /// Stores the changes, all or none; on the disk when this answers. Waits
    /// while the queue is full. Dropped before it answered, the changes may be
    /// stored or not.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), CommitError> {
        let mut edits = Vec::with_capacity(changes.len());
        for change in changes {
            let rows = Edit::of(change).map_err(|error| CommitError::Unfit(error.to_string()))?;
            edits.extend(rows);
        }
        self.ask(|answer| Request::Commit { edits, answer }).await?
    }

    /// Waits until every change that was asked for before is answered.
    pub async fn fence(&self) -> Result<(), CommitError> {
        self.commit(Vec::new()).await
    }

    /// The state after every change that was asked for before.
    pub async fn picture(&self) -> Result<Picture, CommitError> {
        self.ask(|answer| Request::Picture { answer }).await?
    }

    /// Answers what was asked for before, and gives the file back. Later
    /// changes are refused. Closing twice is fine.
    pub async fn close(&self) {
        if let Ok(()) = self.ask(|answer| Request::Close { answer }).await {
            let writer = self
                .writer
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if writer.is_some_and(|writer| writer.join().is_err()) {
                tracing::error!("the state's writer ended in a panic");
            }
        }
    }

    async fn ask<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<T, CommitError> {
        let (answer, answered) = oneshot::channel();
        if self.requests.send(request(answer)).await.is_err() {
            return Err(CommitError::Closed);
        }
        answered.await.or(Err(CommitError::Closed))
    }
}
