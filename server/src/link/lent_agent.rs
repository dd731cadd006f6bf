//! Agent forwarding: a caller's agent is lent to the server while that caller's
//! command runs, and not a moment longer.
//!
//! ssh(1) lends it as long as the connection lives; a session here lives for
//! weeks. The server does not say for which of its commands it wants an agent
//! (OpenSSH's PROTOCOL.agent has no field for it), so while commands of callers
//! with different agents run on one link, it gets neither (ADR 0010).

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use russh::Channel;
use russh::client::Msg;
use russh::keys::agent::AgentSessionBinding;
use russh::keys::agent::client::AgentClient;
use tokio::io::copy_bidirectional;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Channels to an agent at once on one link.
const CHANNELS_MAX: usize = 16;

/// How long an agent may take to be told for whom it works.
const BIND_WAIT: Duration = Duration::from_secs(5);

/// What is lent on one link.
#[derive(Debug)]
pub(super) struct LentAgents {
    loans: Mutex<Vec<Loan>>,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Tells an agent which server asks.
    binding: OnceLock<AgentSessionBinding>,
    /// The link's end.
    closed: CancellationToken,
}

#[derive(Debug, Clone)]
struct Loan {
    agent: PathBuf,
    ended: CancellationToken,
}

/// Ends one loan when it is dropped.
#[derive(Debug)]
pub(super) struct LoanGuard {
    lent: Arc<LentAgents>,
    ended: CancellationToken,
}

impl Drop for LoanGuard {
    fn drop(&mut self) {
        self.ended.cancel();
        self.lent.lock().retain(|loan| !loan.ended.is_cancelled());
    }
}

/// Why the server gets no agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotLent {
    /// No command that lends one runs.
    #[error("no command runs that lends an agent")]
    Nothing,
    /// Commands with different agents run.
    #[error("commands of callers with different agents run")]
    Several,
    /// As many as may be are open.
    #[error("too many channels to an agent are open")]
    TooMany,
}

impl LentAgents {
    pub(super) fn new(closed: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            loans: Mutex::default(),
            places: Arc::new(Semaphore::new(CHANNELS_MAX)),
            tasks: TaskTracker::new(),
            binding: OnceLock::new(),
            closed,
        })
    }

    /// Says which server will ask; before the first loan.
    pub(super) fn bind(&self, binding: Option<&AgentSessionBinding>) {
        if let Some(binding) = binding {
            self.binding.get_or_init(|| binding.clone());
        }
    }

    /// Lends `agent` until the guard is dropped.
    pub(super) fn lend(self: &Arc<Self>, agent: PathBuf) -> LoanGuard {
        let ended = self.closed.child_token();
        self.lock().push(Loan {
            agent,
            ended: ended.clone(),
        });
        LoanGuard {
            lent: Arc::clone(self),
            ended,
        }
    }

    /// Ties a channel that the server `opens` to the agent that is lent.
    pub(super) fn connect(&self, opens: Channel<Msg>) -> Result<(), NotLent> {
        let loan = self.the_one()?;
        let place = Arc::clone(&self.places)
            .try_acquire_owned()
            .map_err(|_none_left| NotLent::TooMany)?;
        let binding = self.binding.get().cloned();
        self.tasks.spawn(async move {
            let carrying = carry(opens, &loan.agent, binding);
            // A writer on a channel may wait for ever once the link is gone.
            tokio::select! {
                biased;
                () = loan.ended.cancelled() => {}
                () = carrying => {}
            }
            drop(place);
        });
        Ok(())
    }

    /// The newest loan, where all lend the same agent.
    fn the_one(&self) -> Result<Loan, NotLent> {
        let loans = self.lock();
        let newest = loans.last().ok_or(NotLent::Nothing)?;
        if loans.iter().any(|loan| loan.agent != newest.agent) {
            return Err(NotLent::Several);
        }
        Ok(newest.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Loan>> {
        self.loans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn carry(channel: Channel<Msg>, path: &Path, binding: Option<AgentSessionBinding>) {
    let reached = tokio::time::timeout(BIND_WAIT, reach(path, binding)).await;
    let mut agent = match reached.unwrap_or_else(|late| Err(late.into())) {
        Ok(agent) => agent,
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the lent agent does not answer");
            if let Err(error) = channel.close().await {
                tracing::debug!(%error, "the link ended as well");
            }
            return;
        }
    };
    let mut stream = channel.into_stream();
    if let Err(error) = copy_bidirectional(&mut stream, &mut agent).await {
        tracing::debug!(%error, "a channel to the lent agent broke");
    }
}

/// The agent, told that a server asks and not we: keys that are constrained to
/// destinations stay with those (OpenSSH's PROTOCOL.agent). An agent that does
/// not know of that has no such keys.
async fn reach(path: &Path, binding: Option<AgentSessionBinding>) -> std::io::Result<UnixStream> {
    let mut agent = UnixStream::connect(path).await?;
    if let Some(binding) = binding {
        let mut client = AgentClient::connect(&mut agent);
        if let Err(error) = client.bind_session(&binding, true).await {
            tracing::debug!(%error, path = %path.display(), "the lent agent is not bound");
        }
    }
    Ok(agent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_lent_while_a_command_runs_and_only_the_one() {
        let lent = LentAgents::new(CancellationToken::new());
        let found = || lent.the_one().map(|loan| loan.agent);
        assert_eq!(found(), Err(NotLent::Nothing));
        let first = lent.lend("/a".into());
        let same = lent.lend("/a".into());
        assert_eq!(found(), Ok("/a".into()));
        let other = lent.lend("/b".into());
        assert_eq!(found(), Err(NotLent::Several));
        drop((first, same));
        assert_eq!(found(), Ok("/b".into()));
        drop(other);
        assert_eq!(found(), Err(NotLent::Nothing));
    }

    #[test]
    fn a_loan_ends_with_the_link() {
        let closed = CancellationToken::new();
        let lent = LentAgents::new(closed.clone());
        let guard = lent.lend("/a".into());
        closed.cancel();
        assert!(guard.ended.is_cancelled());
    }
}
