//! Work of the daemon's own as a job: copies of files.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use schema::Fault;
use schema::tools::job::JobState;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::registry::Jobs;
use super::status::{NewJob, Status};
use super::work::{Job, Tells};
use crate::link::{OutputSink, Stream};

/// Starts `work`; the job is listed at once. Its result, as JSON, is what the job
/// prints. `tells` says in words how far it is. It hears of a cancel by the token.
pub fn start_errand<Work>(
    jobs: &Jobs,
    tasks: &TaskTracker,
    new: NewJob,
    tells: Tells,
    work: impl FnOnce(CancellationToken) -> Work,
) -> Arc<Job>
where
    Work: Future<Output = Result<String, Fault>> + Send + 'static,
{
    let (job, mut orders) = jobs.add(new);
    job.tells(tells);
    let cancelled = CancellationToken::new();
    let working = AssertUnwindSafe(work(cancelled.clone())).catch_unwind();
    let this = Arc::clone(&job);
    tasks.spawn(async move {
        tokio::pin!(working);
        let done = loop {
            tokio::select! {
                done = &mut working => break done,
                Some(_any_signal) = orders.recv() => cancelled.cancel(),
            }
        };
        this.end(match done {
            Ok(Ok(result)) => {
                this.write(Stream::Stdout, result.as_bytes());
                ended(0, None)
            }
            Ok(Err(fault)) => ended(1, Some(fault)),
            Err(_panic) => {
                Status::lost("a defect of this program ended it; the log has more".into())
            }
        });
    });
    job
}

fn ended(exit_code: i32, failed: Option<Fault>) -> Status {
    Status {
        state: JobState::Exited,
        exit_code: Some(exit_code),
        failed,
        ..Status::running()
    }
}
