//! The one writer of the state: a thread that puts all that waits into one
//! durable commit.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::change::Edit;
use super::error::CommitError;
use super::picture::Picture;
use super::read::read_picture;
use crate::database::{Cause, Durable, contained};

/// Requests that wait for the writer; the next caller waits to be queued. Some
/// 100 ms of commits, were each alone.
pub(super) const QUEUE_JOBS: usize = 256;

/// What a handle asks for.
#[derive(Debug)]
pub(super) enum Request {
    Commit {
        edits: Vec<Edit>,
        answer: oneshot::Sender<Result<(), CommitError>>,
    },
    Picture {
        answer: oneshot::Sender<Result<Picture, CommitError>>,
    },
    Close {
        answer: oneshot::Sender<()>,
    },
}

/// Serves requests until closed or until no handle is left.
pub(super) fn run(mut state: Durable, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.blocking_recv() {
        let mut next = Some(first);
        let mut batch = Batch::default();
        while let Some(request) = next.take() {
            match request {
                Request::Commit { edits, answer } => batch.add(edits, answer),
                Request::Picture { answer } => {
                    batch.commit(&mut state);
                    told(answer.send(picture(&mut state)).is_ok());
                }
                Request::Close { answer } => {
                    batch.commit(&mut state);
                    state.close();
                    requests.close();
                    told(answer.send(()).is_ok());
                    return;
                }
            }
            if batch.answers.len() < QUEUE_JOBS {
                next = requests.try_recv().ok();
            }
        }
        batch.commit(&mut state);
    }
}

/// Changes of several callers that share one commit.
#[derive(Default)]
struct Batch {
    edits: Vec<Edit>,
    answers: Vec<oneshot::Sender<Result<(), CommitError>>>,
}

impl Batch {
    fn add(&mut self, edits: Vec<Edit>, answer: oneshot::Sender<Result<(), CommitError>>) {
        self.edits.extend(edits);
        self.answers.push(answer);
    }

    fn commit(&mut self, state: &mut Durable) {
        let edits = std::mem::take(&mut self.edits);
        let result = if edits.is_empty() {
            Ok(())
        } else {
            let apply = |write: &_| edits.iter().try_for_each(|edit| edit.apply(write));
            state.write(apply).map_err(CommitError::from)
        };
        if let Err(error) = &result {
            tracing::error!(%error, cause = ?std::error::Error::source(error), "a change of the state failed");
        }
        for answer in self.answers.drain(..) {
            told(answer.send(result.clone()).is_ok());
        }
    }
}

fn picture(state: &mut Durable) -> Result<Picture, CommitError> {
    let read = state
        .database()
        .and_then(|database| contained(|| read_picture(&database)));
    read.map_err(|fault| CommitError::NotStored(Arc::from(Cause::from(fault))))
}

/// A caller that left does not want its answer.
fn told(listening: bool) {
    if !listening {
        tracing::debug!("a caller left before its change was answered");
    }
}
