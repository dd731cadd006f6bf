//! A durable job: it runs on its host whatever becomes of link and daemon, and
//! is followed whenever there is a link.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use schema::tools::job::JobState;
use storage::state::{Change, StateStore};
use tokio::sync::mpsc;

use super::status::Status;
use super::work::Job;
use crate::link::{
    Begun, Connection, DurableStart, Followed, Kill, LinkError, Links, Mark, OutputSink, Remains,
    Stream, living, signal_of_status,
};

/// How soon the host is asked again, and at most, while that does not help.
const AGAIN: Duration = Duration::from_secs(2);
const AGAIN_MAX: Duration = Duration::from_mins(1);

/// How often a host must say that the job is gone: one that is slow to start it,
/// or to mount its home, says so once.
const GONE_TIMES: u32 = 3;

/// What a durable job needs to go on, while no link does it for it.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) job: Arc<Job>,
    pub(super) mark: Mark,
    /// Where it runs, see [`Connection::host`].
    pub(super) host: String,
    /// Not known yet to have run.
    pub(super) start: Option<DurableStart>,
    /// Its host may have heard of it.
    pub(super) is_asked: bool,
    /// What was asked for its end.
    pub(super) kill: Option<Kill>,
    pub(super) orders: mpsc::Receiver<Kill>,
}

/// What one look at the host came to.
enum Look {
    Ended(Status, Option<Remains>),
    /// The host knows nothing of it, or not how it ended.
    Gone(String),
    /// It may help to ask again.
    Again(LinkError),
    /// This is another host.
    Elsewhere,
}

/// Follows the job until it ended, and gives it back when the links of its
/// session have ended for good.
pub(super) async fn drive(
    mut resting: Resting,
    links: Links,
    store: StateStore,
) -> Option<Resting> {
    let mut state = links.state.clone();
    let (mut wait, mut gone) = (AGAIN, 0);
    loop {
        let first = loop {
            tokio::select! {
                biased;
                Some(kill) = resting.orders.recv() => resting.kill = Some(kill),
                link = living(&mut state) => match link {
                    Some(connection) => break connection,
                    None => return Some(resting),
                },
            }
            if let Some(status) = withdrawn(&resting) {
                finish(&resting.job, &store, status, None).await;
                return None;
            }
        };
        let before = totals(&resting.job);
        let looking = look(&mut resting, &first, &links);
        let looked = AssertUnwindSafe(looking).catch_unwind().await;
        if totals(&resting.job) != before {
            (wait, gone) = (AGAIN, 0);
        }
        match looked {
            Ok(Look::Ended(status, remains)) => {
                finish(&resting.job, &store, status, remains).await;
                return None;
            }
            Ok(Look::Gone(why)) => {
                gone += 1;
                if gone >= GONE_TIMES {
                    finish(&resting.job, &store, Status::lost(why), None).await;
                    return None;
                }
                rest(&mut resting, &first, AGAIN).await;
            }
            Ok(Look::Again(error)) => {
                tracing::info!(job = resting.job.id(), %error, "a durable job is not followed");
                rest(&mut resting, &first, wait).await;
                wait = (wait * 2).min(AGAIN_MAX);
            }
            Ok(Look::Elsewhere) => {
                tracing::warn!(
                    job = resting.job.id(),
                    "its session leads to another host now"
                );
                rest(&mut resting, &first, AGAIN_MAX).await;
            }
            Err(_panic) => {
                let words = "a defect of this program ended following it; the log has more";
                finish(&resting.job, &store, Status::lost(words.into()), None).await;
                return None;
            }
        }
    }
}

/// Waits a while, or until something changes.
async fn rest(resting: &mut Resting, connection: &Connection, wait: Duration) {
    let mut freed = connection.place_freed();
    tokio::select! {
        () = connection.closed().cancelled() => {}
        () = tokio::time::sleep(wait) => {}
        Ok(()) = freed.changed(), if !connection.has_place() => {}
        Some(kill) = resting.orders.recv() => resting.kill = Some(kill),
    }
}

/// What was told to end before its host heard of it is not sent.
fn withdrawn(resting: &Resting) -> Option<Status> {
    let never_sent = resting.start.is_some() && !resting.is_asked;
    let told = resting.kill.is_some() || resting.job.is_cancelled();
    (never_sent && told).then(|| Status::not_started(&LinkError::Withdrawn, resting.job.begun_as()))
}

/// Starts the job where that is open, and follows it to its end.
async fn look(resting: &mut Resting, first: &Arc<Connection>, links: &Links) -> Look {
    if let Some(status) = withdrawn(resting) {
        return Look::Ended(status, None);
    }
    let connection = if first.has_place() {
        Arc::clone(first)
    } else {
        match (links.place)().await {
            Some(connection) => connection,
            None => return Look::Again(LinkError::NoPlace { most: 0 }),
        }
    };
    let is_its_host = connection.host() == resting.host;
    if let Some(start) = resting
        .start
        .as_ref()
        .filter(|_| !resting.job.is_cancelled())
    {
        if !is_its_host {
            return Look::Elsewhere;
        }
        match connection.start_durable(start).await {
            Begun::Started => {}
            Begun::Unknown(error) => {
                resting.is_asked = true;
                return Look::Again(error);
            }
            Begun::NotStarted(error) if may_pass(&error) => return Look::Again(error),
            Begun::NotStarted(error) if resting.is_asked => {
                return Look::Ended(Status::lost(schema::Fault::chain(&error)), None);
            }
            Begun::NotStarted(error) => {
                let status = Status::not_started(&error, resting.job.begun_as());
                return Look::Ended(status, None);
            }
        }
    }
    resting.start = None;
    resting.job.sent();
    let from = totals(&resting.job);
    let following = connection.follow_durable(
        &resting.mark,
        from,
        resting.job.as_ref(),
        &mut resting.kill,
        &mut resting.orders,
    );
    match following.await {
        Ok(Followed::Exited(code, remains)) => {
            Look::Ended(exited(&resting.job, code), Some(remains))
        }
        Ok(Followed::Gone(why)) if is_its_host => Look::Gone(why),
        Ok(Followed::Gone(_)) => Look::Elsewhere,
        Err(error) => Look::Again(error),
    }
}

fn totals(job: &Job) -> [u64; 2] {
    [Stream::Stdout, Stream::Stderr].map(|stream| job.total(stream))
}

/// Whether asking again may help: the link broke, or the host had no place.
fn may_pass(error: &LinkError) -> bool {
    matches!(error, LinkError::Lost(_) | LinkError::NoPlace { .. })
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

/// Its end goes onto its card, then its folder goes, if all of it is on disk
/// here, then it goes out of the state: no kill in between loses any of it.
async fn finish(job: &Job, store: &StateStore, status: Status, remains: Option<Remains>) {
    job.end(status);
    if let Some(remains) = remains.filter(|_| job.is_on_disk()) {
        remains.remove().await;
    }
    job.leave();
    forget(store, job.id()).await;
}

/// Nothing is to be brought back any more.
pub(super) async fn forget(store: &StateStore, id: &str) {
    let removal = store.commit(vec![Change::RemoveDurableJob(id.to_owned())]);
    if let Err(error) = removal.await {
        tracing::warn!(job = id, %error, "the state still has a job that ended");
    }
}
