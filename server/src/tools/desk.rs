//! The tools as one value: what they share, and what the daemon asks of them
//! as a whole.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use schema::tools::table::Toolset;
use schema::tools::{Tool, listing};
use schema::{Fault, Id};
use serde_json::Value;
use storage::audit::AuditLog;
use storage::state::StateStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::families;
use super::permit::Rules;
use crate::clock::Clock;
use crate::files::{FileHosts, LocalGuard};
use crate::forward::Forwards;
use crate::job::{DurableJobs, Jobs};
use crate::link::Connection;
use crate::sessions::Sessions;
use crate::shell::{HeldShells, Shells};

/// How long copies may take to clear away what is not whole.
const ERRANDS_WAIT: Duration = Duration::from_secs(2);

/// What tools are made of.
#[derive(Debug)]
pub struct Parts {
    /// Every SSH session.
    pub sessions: Sessions,
    /// Every job.
    pub jobs: Jobs,
    /// Those of them that outlive link and daemon.
    pub durable_jobs: DurableJobs,
    /// Every forward.
    pub forwards: Forwards,
    /// Every shell.
    pub shells: Shells,
    /// Those of them that outlive link and daemon.
    pub held_shells: HeldShells,
    /// Where each call is recorded.
    pub audit: AuditLog,
    /// Where persistent specs are kept.
    pub store: StateStore,
    /// The time of day.
    pub clock: Clock,
    /// What a person's configuration forbids.
    pub rules: Rules,
    /// The daemon's user: who logs in when a spec names nobody.
    pub user: String,
    /// For `~/`.
    pub home: PathBuf,
    /// Local files that no tool reads or writes.
    pub local_guard: LocalGuard,
    /// What is remembered of hosts' files.
    pub file_hosts: FileHosts,
    /// Of `state.redb`.
    pub state_path: PathBuf,
    /// The result limit to a model, in bytes.
    pub result_limit: usize,
    /// Tasks of sessions and jobs; joined at the end.
    pub tasks: TaskTracker,
    /// Ends sessions.
    pub stopping: CancellationToken,
}

/// Every tool, and what they share.
#[derive(Debug)]
pub struct Tools {
    pub(super) parts: Parts,
    pub(super) started_at: SystemTime,
    /// Calls that run; closed when the daemon stops.
    pub(super) calls: TaskTracker,
    /// Fires when the drain is over: what still runs is interrupted.
    pub(super) interrupt: CancellationToken,
    listings: Mutex<Vec<Listing>>,
}

/// The names of toolsets, and their entries.
type Listing = (Vec<String>, Arc<Vec<Value>>);

/// Selections of toolsets that are kept ready; clients use one or two.
const LISTINGS_MAX: usize = 8;

impl Tools {
    /// The tools over their parts.
    pub fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Self {
            started_at: parts.clock.now(),
            parts,
            calls: TaskTracker::new(),
            interrupt: CancellationToken::new(),
            listings: Mutex::default(),
        })
    }

    /// The entries of MCP's `tools/list`, sorted by name. Unknown names of
    /// toolsets select nothing; no name selects all.
    pub fn listing(&self, toolsets: &[String]) -> Arc<Vec<Value>> {
        let mut listings = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ready)) = listings.iter().find(|(names, _)| names == toolsets) {
            return Arc::clone(ready);
        }
        let made = Arc::new(entries(toolsets));
        if listings.len() < LISTINGS_MAX {
            listings.push((toolsets.to_vec(), Arc::clone(&made)));
        }
        made
    }

    /// Whether nothing lives: no session, no job.
    pub fn is_idle(&self) -> bool {
        // A durable job whose session is gone needs nobody here to go on.
        let running = self.parts.jobs.running();
        self.parts.sessions.list().is_empty() && running <= self.parts.durable_jobs.resting()
    }

    /// A link to the host of a session, for the command line.
    pub async fn connection(&self, id: &Id, wait: Duration) -> Result<Arc<Connection>, Fault> {
        Ok(self.parts.sessions.get(id)?.connection(wait).await?)
    }

    /// A client's hello brought its agent.
    pub fn agent_arrived(&self, path: &str) {
        if !path.is_empty() {
            self.parts.sessions.agents().arrived(PathBuf::from(path));
        }
    }

    /// Takes no new call, lets calls end for `limit`, interrupts the rest, then
    /// ends the sessions and writes the audit log out (FAULTS 22).
    pub async fn drain(&self, limit: Duration) {
        self.calls.close();
        if tokio::time::timeout(limit, self.calls.wait())
            .await
            .is_err()
        {
            tracing::warn!(calls = self.calls.len(), "interrupted");
            self.interrupt.cancel();
            self.calls.wait().await;
        }
        // While their links are there.
        let errands = self.parts.jobs.end_errands();
        if tokio::time::timeout(ERRANDS_WAIT, errands).await.is_err() {
            tracing::warn!("a copy was cut off");
        }
        self.parts.stopping.cancel();
        self.parts.tasks.close();
        if tokio::time::timeout(Duration::from_secs(2), self.parts.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(tasks = self.parts.tasks.len(), "sessions were cut off");
        }
        self.parts.store.close().await;
        let audit = self.parts.audit.clone();
        match tokio::task::spawn_blocking(move || audit.close()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the audit log was not written out"),
            Err(panic) => tracing::error!(%panic, "the audit log was not written out"),
        }
    }
}

#[cfg(test)]
impl Tools {
    /// Tools over real databases in `folder`, for tests of what is above.
    pub(crate) fn in_folder(folder: &std::path::Path) -> Arc<Self> {
        use crate::forward::ForwardRoom;
        use crate::link::Surroundings;
        use crate::sessions::{Around, Followers};

        let clock = Clock::system();
        let state_path = folder.join("state.redb");
        let (store, _) = StateStore::open(storage::state::StateOptions {
            path: state_path.clone(),
            backups_folder: folder.join("backups"),
            go_state: None,
            program_version: "test".into(),
            now_ms: clock.now_ms(),
        })
        .unwrap();
        let (audit, _) = AuditLog::open(&storage::audit::AuditOptions {
            folder: folder.to_path_buf(),
            key_path: folder.join("audit.key"),
            boot_id: "boot".into(),
            now_ms: clock.now_ms(),
            sync_always: false,
        })
        .unwrap();
        let (tasks, stopping) = (TaskTracker::new(), CancellationToken::new());
        let surroundings = Surroundings {
            local: crate::link::ssh_config::Local::bare(folder),
            accepted_keys: folder.join("known_hosts"),
            allow_accept_new: true,
            allow_proxy_command: Vec::new(),
        };
        let jobs = Jobs::new("test", None, &[]);
        let shells = Shells::default();
        let around = (tasks.clone(), stopping.clone());
        let followers = Followers {
            durable_jobs: DurableJobs::new(jobs.clone(), store.clone(), tasks.clone(), Vec::new()),
            held_shells: HeldShells::new(shells.clone(), store.clone(), around.clone(), Vec::new()),
            forwards: Forwards::new(ForwardRoom::new(
                store.clone(),
                clock.clone(),
                around,
                folder.to_path_buf(),
            )),
        };
        Self::new(Parts {
            forwards: followers.forwards.clone(),
            durable_jobs: followers.durable_jobs.clone(),
            held_shells: followers.held_shells.clone(),
            sessions: Sessions::new(Around {
                surroundings,
                store: store.clone(),
                clock: clock.clone(),
                tasks: tasks.clone(),
                stopping: stopping.clone(),
                followers,
            }),
            jobs,
            shells,
            audit,
            store,
            clock,
            rules: Rules::default(),
            user: "ann".into(),
            home: folder.to_path_buf(),
            local_guard: LocalGuard::new([]),
            file_hosts: FileHosts::default(),
            state_path,
            result_limit: schema::limits::RESULT_MAX_BYTES,
            tasks,
            stopping,
        })
    }
}

fn entries(toolsets: &[String]) -> Vec<Value> {
    let wanted: Vec<Toolset> = Tool::ALL
        .iter()
        .map(|tool| tool.row().toolset)
        .filter(|set| toolsets.iter().any(|name| name == set.as_str()))
        .collect();
    if wanted.is_empty() && !toolsets.is_empty() {
        return Vec::new();
    }
    families::SERVED
        .iter()
        .filter(|tool| wanted.is_empty() || wanted.contains(&tool.row().toolset))
        .map(|tool| listing::entry(*tool))
        .collect()
}
