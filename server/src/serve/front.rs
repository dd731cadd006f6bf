//! What every door of the daemon shares: who it is, whether it serves yet, who
//! is connected, and the level that says stop.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schema::control::About;
use schema::hello::{DaemonHello, DaemonState, Format, WIRE};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::token::Token;
use crate::tools::Tools;

/// How long a door waits for a daemon that is opening its databases before it
/// says so. Below the 5 s that a bridge waits for a hello.
const OPENING_WAIT: Duration = Duration::from_secs(2);

/// Whether the daemon serves tools.
#[derive(Debug, Clone)]
pub enum Stage {
    /// The databases are being opened, perhaps migrated.
    Opening,
    /// It serves.
    Ready(Arc<Tools>),
    /// It must not touch its databases; hello and control are served.
    Refusing(String),
}

/// What does not change while the daemon lives.
#[derive(Debug)]
pub struct Identity {
    /// The daemon's version.
    pub version: String,
    /// The random name of this run.
    pub instance: String,
    /// The process id.
    pub pid: u32,
    /// The state database.
    pub state_path: PathBuf,
    /// The file that `daemon stop` leaves.
    pub stopped_marker: PathBuf,
    /// Our own file of accepted host keys.
    pub accepted_keys: PathBuf,
    /// MCP's instructions.
    pub instructions: String,
    /// How results are written when a client says nothing.
    pub format: Format,
    /// Toolsets when a client says nothing; all when empty.
    pub toolsets: Vec<String>,
}

/// The shared state of every door.
#[derive(Debug)]
pub struct Front {
    /// Who the daemon is.
    pub identity: Identity,
    /// What opens every door.
    pub token: Token,
    /// Cancelled when the daemon must stop: nothing new is accepted.
    pub stop: CancellationToken,
    /// Cancelled after the drain: connections end.
    pub close: CancellationToken,
    /// Every connection and every call that must outlive its connection.
    pub tasks: TaskTracker,
    stage: watch::Sender<Stage>,
    clients: watch::Sender<usize>,
}

impl Front {
    /// A front that is opening.
    pub fn new(identity: Identity, token: Token) -> Arc<Self> {
        Arc::new(Self {
            identity,
            token,
            stop: CancellationToken::new(),
            close: CancellationToken::new(),
            tasks: TaskTracker::new(),
            stage: watch::Sender::new(Stage::Opening),
            clients: watch::Sender::new(0),
        })
    }

    /// Says how opening ended.
    pub fn set_stage(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    /// The stage now.
    pub fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// The stage, after a short wait for a daemon that is opening.
    pub async fn settled_stage(&self) -> Stage {
        let mut stage = self.stage.subscribe();
        let settled = stage.wait_for(|stage| !matches!(stage, Stage::Opening));
        match tokio::time::timeout(OPENING_WAIT, settled).await {
            Ok(Ok(stage)) => stage.clone(),
            _ => Stage::Opening,
        }
    }

    /// The daemon's side of the hello, at `stage`.
    pub fn hello(&self, stage: &Stage) -> DaemonHello {
        let (served, reason) = described(stage);
        DaemonHello {
            wire: WIRE,
            version: self.identity.version.clone(),
            instance: self.identity.instance.clone(),
            pid: self.identity.pid,
            state: served,
            reason,
        }
    }

    /// Control's answer to "who are you".
    pub fn about(&self) -> About {
        let (state, reason) = described(&self.stage());
        About {
            version: self.identity.version.clone(),
            pid: self.identity.pid,
            state,
            reason,
            state_path: self.identity.state_path.display().to_string(),
        }
    }

    /// Counts a client until the guard is dropped.
    pub fn enter(self: &Arc<Self>) -> Present {
        self.clients.send_modify(|clients| *clients += 1);
        Present(Arc::clone(self))
    }

    /// The number of clients, to be watched.
    pub fn clients(&self) -> watch::Receiver<usize> {
        self.clients.subscribe()
    }
}

/// A client that is connected as long as this lives.
#[derive(Debug)]
pub struct Present(Arc<Front>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.clients.send_modify(|clients| *clients -= 1);
    }
}

fn described(stage: &Stage) -> (DaemonState, String) {
    match stage {
        Stage::Opening => (
            DaemonState::Migrating,
            "the daemon is opening its databases; try again in a moment".into(),
        ),
        Stage::Ready(_) => (DaemonState::Ready, String::new()),
        Stage::Refusing(reason) => (DaemonState::Refusing, reason.clone()),
    }
}
