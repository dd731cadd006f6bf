//! Who makes a call, and what the call path must know of them.

use std::sync::Arc;
use std::time::Duration;

use schema::hello::{ClientContext, Format};
use schema::limits::CALL_TIMEOUT_MAX_MS;
use tokio_util::sync::CancellationToken;

use super::progress::Progress;
use crate::job::Job;

/// Where a call came in; decides on limits and defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// A model behind a bridge.
    Socket,
    /// A model over HTTP `/mcp`.
    Http,
    /// A script over HTTP `/rpc`: no result limit, waits to the end.
    Rpc,
    /// A person on the command line: no result limit, waits to the end.
    CommandLine,
}

/// One call's caller.
#[derive(Clone)]
pub struct Caller {
    /// Name and version that the client gave in its handshake, `claude-code 2.1`.
    pub client: String,
    /// Where the call came in.
    pub reach: Reach,
    /// The client's working folder, agent and Docker host.
    pub context: ClientContext,
    /// How the result is written.
    pub format: Format,
    /// Cancelled when the client cancels this request: the work stops.
    pub cancelled: CancellationToken,
    /// Cancelled when the client went away: the work becomes a job.
    pub vanished: CancellationToken,
    /// Present when the client gave a progress token.
    pub progress: Option<Progress>,
    /// The client takes a task in place of an answer that says "it goes on".
    pub takes_tasks: bool,
    /// The call's number in history, once its intent is on record.
    pub seq: Option<u64>,
}

impl Caller {
    /// How long it waits for what it may wait for in `timeout_ms`. With a
    /// progress token, on the command line and over `/rpc` it waits to the end
    /// unless it says otherwise.
    pub(super) fn patience(&self, timeout_ms: Option<i64>, otherwise_ms: u64) -> Duration {
        let asked = timeout_ms
            .and_then(|ms| u64::try_from(ms).ok())
            .filter(|ms| *ms > 0);
        let patient =
            self.progress.is_some() || matches!(self.reach, Reach::Rpc | Reach::CommandLine);
        let otherwise = if patient {
            CALL_TIMEOUT_MAX_MS
        } else {
            otherwise_ms
        };
        Duration::from_millis(asked.unwrap_or(otherwise).min(CALL_TIMEOUT_MAX_MS))
    }

    /// Does `work`, and tells the client meanwhile that it goes on.
    pub(super) async fn told<T>(&self, work: impl Future<Output = T>) -> T {
        let Some(progress) = &self.progress else {
            return work.await;
        };
        let is_wanted = || !self.cancelled.is_cancelled() && !self.vanished.is_cancelled();
        progress.alongside(is_wanted, work).await
    }

    /// From here on its progress is about `job`.
    pub(super) fn waits_for(&self, job: &Arc<Job>) {
        if let Some(progress) = &self.progress {
            progress.about(job);
        }
    }
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("client", &self.client)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
