//! Who makes a call, and what the call path must know of them.

use std::sync::Arc;

use schema::hello::{ClientContext, Format};
use tokio_util::sync::CancellationToken;

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

/// Says how far long work is; called at least every 15 s while it runs.
/// Arguments: what was done so far, and words.
pub type Progress = Arc<dyn Fn(f64, &str) + Send + Sync>;

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
    /// The call's number in history, once its intent is on record.
    pub seq: Option<u64>,
}

impl std::fmt::Debug for Caller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Caller")
            .field("client", &self.client)
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
