//! A command on a link as a job.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use schema::tools::job::JobState;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::registry::Jobs;
use super::status::{NewJob, Status};
use super::work::Job;
use crate::link::{Connection, Ended, Exec, Kill};

/// Starts `exec` on `connection`; the job is listed at once.
pub fn start_exec(
    jobs: &Jobs,
    tasks: &TaskTracker,
    connection: Arc<Connection>,
    exec: Exec,
    new: NewJob,
) -> Arc<Job> {
    let (job, orders) = jobs.add(new);
    tasks.spawn(drive(Arc::clone(&job), connection, exec, orders));
    job
}

async fn drive(
    job: Arc<Job>,
    connection: Arc<Connection>,
    exec: Exec,
    mut orders: mpsc::Receiver<Kill>,
) {
    let running = connection.exec(exec, job.as_ref(), &mut orders);
    // A defect in here must end this job alone, and its waiters must hear of it.
    let status = match AssertUnwindSafe(running).catch_unwind().await {
        Ok(Ok(ended)) => ended_status(ended),
        Ok(Err(error)) => Status::not_started(&error, job.begun_as()),
        Err(_panic) => Status::lost("a defect of this program ended it; the log has more".into()),
    };
    job.end(status);
}

fn ended_status(ended: Ended) -> Status {
    let state = match (&ended.exit_code, &ended.signal) {
        (Some(_), _) => JobState::Exited,
        (None, Some(_)) => JobState::Signalled,
        (None, None) => JobState::Lost,
    };
    Status {
        state,
        exit_code: ended
            .exit_code
            .map(|code| i32::try_from(code).unwrap_or(i32::MAX)),
        signal: ended.signal.unwrap_or_default(),
        lost_reason: ended.lost.unwrap_or_default(),
        env_refused: ended.env_refused,
        survived: ended.survived,
        failed: None,
        took: None,
    }
}
