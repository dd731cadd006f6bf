//! How what outlives a link gets at its session's host: by whatever link there
//! is next.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use schema::Fault;
use tokio::sync::watch;

use super::connection::Connection;
use super::state::LinkState;

/// A link, or why there is none.
type Reached = BoxFuture<'static, Result<Arc<Connection>, Fault>>;

/// Waits for a link so long.
type Up = Arc<dyn Fn(Duration) -> Reached + Send + Sync>;

/// The links of one session, as they come and go.
#[derive(Clone)]
pub struct Links {
    /// The session's link.
    pub state: watch::Receiver<LinkState>,
    /// The session's link, dialled when it is down and waited for so long; an error
    /// when waiting cannot help.
    pub up: Up,
    /// A connection that has a place, where the first has none; none in time.
    pub place: Arc<dyn Fn() -> BoxFuture<'static, Option<Arc<Connection>>> + Send + Sync>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// Whether there will be no more links: the session's task has ended.
pub fn are_over(links: &watch::Receiver<LinkState>) -> bool {
    links.has_changed().is_err()
}

/// The link, waited for; none when there will be no more.
pub async fn living(links: &mut watch::Receiver<LinkState>) -> Option<Arc<Connection>> {
    let living = |state: &LinkState| match state {
        LinkState::Up(connection) => !connection.closed().is_cancelled(),
        LinkState::Down => false,
    };
    match &*links.wait_for(living).await.ok()? {
        LinkState::Up(connection) => Some(Arc::clone(connection)),
        LinkState::Down => None,
    }
}
