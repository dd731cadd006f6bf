//! A durable job: it runs on its host whatever becomes of link and daemon, and
//! is followed whenever there is a link.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use schema::tools::job::JobState;
use storage::state::{Change, StateStore};
use tokio::sync::{mpsc, watch};

use super::status::Status;
use super::work::Job;
use crate::link::{
    Connection, Control, DurableStart, Followed, LinkError, LinkState, Mark, OutputSink, Stream,
    signal_of_status,
};

/// How soon the host is asked again after it had no place, or after a follower
/// ended by itself.
const AGAIN: Duration = Duration::from_secs(2);

/// A follower that ends by itself this often, one time after the other, shows
/// that the host does not run our script.
const FAILURES_MAX: u32 = 5;

/// What a durable job needs to go on, while no link does it for it.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) job: Arc<Job>,
    pub(super) mark: Mark,
    /// Not known yet to have run.
    pub(super) start: Option<DurableStart>,
    pub(super) orders: mpsc::Receiver<Control>,
}

/// Follows the job until it ended, and gives it back when the links of its
/// session have ended for good.
pub(super) async fn drive(
    mut resting: Resting,
    mut links: watch::Receiver<LinkState>,
    store: StateStore,
) -> Option<Resting> {
    let mut failures = 0;
    loop {
        let Some(connection) = up(&mut links).await else {
            return Some(resting);
        };
        let following = follow(&mut resting, &connection);
        let status = match AssertUnwindSafe(following).catch_unwind().await {
            Ok(Ok((status, remains))) => {
                resting.job.end(status);
                forget(&store, resting.job.id()).await;
                if let Some(remains) = remains {
                    remains.remove().await;
                }
                return None;
            }
            Ok(Err(error)) if may_pass(&error) => {
                failures += u32::from(!connection.closed().is_cancelled());
                tracing::info!(job = resting.job.id(), %error, "a durable job is not followed");
                (failures > FAILURES_MAX).then(|| failed_or_lost(&resting, &error))
            }
            Ok(Err(error)) => Some(failed_or_lost(&resting, &error)),
            Err(_panic) => Some(Status::lost(
                "a defect of this program ended following it; the log has more".into(),
            )),
        };
        if let Some(status) = status {
            resting.job.end(status);
            forget(&store, resting.job.id()).await;
            return None;
        }
        rest(&connection).await;
    }
}

/// The link, waited for; none when there will be no more.
async fn up(links: &mut watch::Receiver<LinkState>) -> Option<Arc<Connection>> {
    let living = |state: &LinkState| match state {
        LinkState::Up(connection) => !connection.closed().is_cancelled(),
        LinkState::Down => false,
    };
    match &*links.wait_for(living).await.ok()? {
        LinkState::Up(connection) => Some(Arc::clone(connection)),
        LinkState::Down => None,
    }
}

async fn rest(connection: &Connection) {
    tokio::select! {
        () = connection.closed().cancelled() => {}
        () = tokio::time::sleep(AGAIN) => {}
    }
}

/// Starts the job where that is open, and follows it to its end.
async fn follow(
    resting: &mut Resting,
    connection: &Connection,
) -> Result<(Status, Option<crate::link::Remains>), LinkError> {
    let job = &resting.job;
    if let Some(start) = &resting.start {
        connection.start_durable(start).await?;
        resting.start = None;
    }
    job.sent();
    let from = [Stream::Stdout, Stream::Stderr].map(|stream| job.total(stream));
    let followed = connection
        .follow_durable(&resting.mark, from, job.as_ref(), &mut resting.orders)
        .await?;
    Ok(match followed {
        Followed::Exited(code, remains) => (exited(job, code), Some(remains)),
        Followed::Gone(why) => (Status::lost(why), None),
    })
}

/// sh tells an end by a signal as an exit code; which of the two it was is known
/// where the signal was ours.
fn exited(job: &Job, code: u32) -> Status {
    let signal = signal_of_status(code).filter(|_| job.is_cancelled());
    Status {
        state: if signal.is_some() {
            JobState::Signalled
        } else {
            JobState::Exited
        },
        exit_code: signal
            .is_none()
            .then(|| i32::try_from(code).unwrap_or(i32::MAX)),
        signal: signal.unwrap_or_default().to_owned(),
        ..Status::running()
    }
}

/// Whether asking again may help: the link broke, or the host had no place.
fn may_pass(error: &LinkError) -> bool {
    matches!(error, LinkError::Lost(_) | LinkError::NoPlace { .. })
}

/// It never ran where its start was refused; else nobody knows.
fn failed_or_lost(resting: &Resting, error: &LinkError) -> Status {
    if resting.start.is_some() {
        Status::not_started(error, resting.job.begun_as())
    } else {
        Status::lost(schema::Fault::chain(error))
    }
}

/// The job's end is on its card, so nothing is to be brought back any more.
pub(super) async fn forget(store: &StateStore, id: &str) {
    let removal = store.commit(vec![Change::RemoveDurableJob(id.to_owned())]);
    if let Err(error) = removal.await {
        tracing::warn!(job = id, %error, "the state still has a job that ended");
    }
}
