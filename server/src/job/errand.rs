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

/// What came of it.
#[derive(Debug)]
pub struct Errand {
    /// What was done, as its tool's result in JSON: also of what was stopped.
    pub result: String,
    /// As of a program: 0 where all of it was done.
    pub exit_code: i32,
    /// Why it did not come to its end.
    pub failed: Option<Fault>,
}

/// Starts `work`; the job is listed at once. Its result is what the job prints. `tells` says in words how far it is. It hears of a cancel by the token.
pub fn start_errand<Work>(
    jobs: &Jobs,
    tasks: &TaskTracker,
    new: NewJob,
    tells: Tells,
    work: impl FnOnce(CancellationToken) -> Work,
) -> Arc<Job>
where
    Work: Future<Output = Errand> + Send + 'static,
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
            Ok(errand) => {
                this.write(Stream::Stdout, errand.result.as_bytes());
                Status {
                    state: JobState::Exited,
                    exit_code: Some(errand.exit_code),
                    failed: errand.failed,
                    ..Status::running()
                }
            }
            Err(_panic) => {
                Status::lost("a defect of this program ended it; the log has more".into())
            }
        });
    });
    job
}
