//! All sessions of the daemon, by their ids.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use schema::Id;
use schema::spec::SshSpec;
use storage::state::{Change, StateStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agents::Agents;
use super::error::SessionError;
use super::followers::Followers;
use super::session::{Parts, Session};
use super::task::Dialer;
use crate::clock::Clock;
use crate::forward::Forward;
use crate::link::{AgentSockets, DialLimits, LinkError, Plan, Surroundings, dial};

/// Ids share so many locks: few enough to be nothing, many enough that
/// sessions do not wait for each other's commits.
const TURNS: u64 = 64;

/// What sessions take from around them.
#[derive(Debug, Clone)]
pub struct Around {
    /// Home, user, and the rules for host keys.
    pub surroundings: Surroundings,
    /// Where persistent specs are kept.
    pub store: StateStore,
    /// The time of day.
    pub clock: Clock,
    /// Every task of a session is joined here.
    pub tasks: TaskTracker,
    /// Ends every session when the daemon stops.
    pub stopping: CancellationToken,
    /// What goes on over more than one link.
    pub followers: Followers,
}

/// The sessions. A cheap handle.
#[derive(Debug, Clone)]
pub struct Sessions {
    pub(super) around: Around,
    pub(super) agents: Agents,
    pub(super) limits: DialLimits,
    pub(super) by_id: Arc<Mutex<BTreeMap<Id, Session>>>,
    turns: Arc<[tokio::sync::Mutex<()>]>,
    /// Those that were brought back at the start.
    pub(super) rehydrated: Arc<Mutex<Vec<Id>>>,
}

/// How a new session is begun.
pub(super) struct Begin {
    pub(super) id: Id,
    pub(super) spec: SshSpec,
    pub(super) secret_gone: bool,
    pub(super) opened_by: String,
    pub(super) agent: Option<PathBuf>,
    pub(super) rehydrated: bool,
}

impl Sessions {
    /// No sessions yet.
    pub fn new(around: Around) -> Self {
        Self {
            around,
            agents: Agents::default(),
            limits: DialLimits::default(),
            by_id: Arc::default(),
            turns: (0..TURNS).map(|_| tokio::sync::Mutex::default()).collect(),
            rehydrated: Arc::default(),
        }
    }

    /// What plans are made beside.
    pub fn surroundings(&self) -> &Surroundings {
        &self.around.surroundings
    }

    /// The agents that clients brought.
    pub fn agents(&self) -> &Agents {
        &self.agents
    }

    /// The session of that id.
    pub fn get(&self, id: &Id) -> Result<Session, SessionError> {
        let by_id = self.lock();
        by_id
            .get(id)
            .cloned()
            .ok_or_else(|| SessionError::NotFound {
                id: id.clone(),
                known: by_id.keys().cloned().collect(),
            })
    }

    /// The same, once it is known that it stays: its first connect may be under way.
    pub async fn settled(&self, id: &Id) -> Result<Session, SessionError> {
        let session = self.get(id)?;
        if session.is_settled().await {
            return Ok(session);
        }
        Err(SessionError::NotOpened { id: id.clone() })
    }

    /// Whether `session` has its id still, not another, and not nobody.
    pub fn lists(&self, session: &Session) -> bool {
        let by_id = self.lock();
        by_id
            .get(session.id())
            .is_some_and(|there| there.is(session))
    }

    /// The session that a job names as its target; none when it is gone.
    pub fn find(&self, target: &str) -> Option<Session> {
        let id = Id::new(target).ok()?;
        self.lock().get(&id).cloned()
    }

    /// All of them, by id.
    pub fn list(&self) -> Vec<Session> {
        self.lock().values().cloned().collect()
    }

    /// Ends a session for good, and gives the forwards that ended with it. It is
    /// forgotten on disk first, so that a death in between leaves it closed rather
    /// than coming back.
    pub async fn disconnect(&self, id: &Id) -> Result<Vec<Arc<Forward>>, SessionError> {
        let turn = self.turn(id).await;
        let session = self.get(id)?;
        if session.spec().persistent {
            self.around
                .store
                .commit(vec![Change::RemoveSession(id.clone())])
                .await
                .map_err(|source| SessionError::Commit {
                    id: id.clone(),
                    source,
                })?;
        }
        self.forget(&session);
        // Before another session can have the id: its forwards are not these.
        let forwards = self.around.followers.end_of(id).await;
        drop(turn);
        session.close().await;
        for forward in &forwards {
            forward.until_ended().await;
        }
        Ok(forwards)
    }

    /// Waits until nobody else changes what is kept of `id`, so that the disk
    /// and the list end up saying the same whatever comes at once.
    pub(super) async fn turn(&self, id: &Id) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let at = usize::try_from(hasher.finish() % TURNS).unwrap_or(0);
        Some(self.turns.get(at)?.lock().await)
    }

    /// Takes a session out of the list, unless another has its id by now.
    pub(super) fn forget(&self, session: &Session) {
        let mut by_id = self.lock();
        if by_id
            .get(session.id())
            .is_some_and(|there| there.is(session))
        {
            by_id.remove(session.id());
        }
    }

    /// Starts a session's task; the caller puts it into the list.
    pub(super) fn begin(&self, begin: Begin) -> Session {
        let parts = Parts {
            dialer: self.dialer(&begin),
            secret_gone: begin.secret_gone,
            id: begin.id,
            spec: begin.spec,
            opened_by: begin.opened_by,
            own_agents: begin.agent.into_iter().collect(),
            rehydrated: begin.rehydrated,
            agents: self.agents.clone(),
            clock: self.around.clock.clone(),
            closing: self.around.stopping.child_token(),
        };
        Session::start(parts, &self.around.tasks)
    }

    /// A dialer that makes its plan anew each time: a spec that this version
    /// cannot follow is a failed dial, never a lost session.
    fn dialer(&self, begin: &Begin) -> Dialer {
        let (around, limits) = (self.around.clone(), self.limits.clone());
        let (id, spec, gone) = (begin.id.clone(), begin.spec.clone(), begin.secret_gone);
        let client = begin.opened_by.clone();
        Arc::new(move |agents: AgentSockets| {
            let (around, limits) = (around.clone(), limits.clone());
            let (id, spec, client) = (id.clone(), spec.clone(), client.clone());
            async move {
                let at = crate::clock::rfc3339(around.clock.now());
                let note = format!("accepted {at} for {client}");
                let plan = Plan::new(id.as_str(), &spec, gone, &around.surroundings, note)
                    .await
                    .map_err(LinkError::Plan)?;
                dial(&plan, &agents, &limits).await
            }
            .boxed()
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<Id, Session>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
