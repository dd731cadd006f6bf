//! `ssh_connect`: a new session, or the one that is there.

use std::path::PathBuf;
use std::time::Duration;

use schema::Id;
use schema::spec::SshSpec;
use storage::state::{Change, CommitError, SavedSession};

use super::error::SessionError;
use super::registry::{Begin, Sessions};
use super::session::Session;
use crate::link::Plan;

/// Who asks for which session.
#[derive(Debug, Clone)]
pub struct ConnectRequest {
    /// The caller's name for it.
    pub id: Id,
    /// Paths in it are absolute.
    pub spec: SshSpec,
    /// The client, in words.
    pub client: String,
    /// The calling client's agent.
    pub agent: Option<PathBuf>,
    /// The calling client's working folder.
    pub cwd: Option<String>,
}

/// A session that is up.
#[derive(Debug)]
pub struct Connected {
    /// The session.
    pub session: Session,
    /// It was there already with an equal spec.
    pub reused: bool,
}

/// Takes a session away again unless its dial succeeds, also when its caller
/// gives up half-way.
struct Unfinished {
    sessions: Sessions,
    session: Option<Session>,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.sessions.forget(&session);
            session.begin_close();
        }
    }
}

/// What an id leads to.
enum Found {
    /// Nothing was there; this one is listed now and dials.
    New(Session),
    /// A session with an equal spec.
    There(Session),
    /// A session that lacks the secret which this call brings. The new one
    /// dials beside it and takes its place once it is up.
    Renewed { old: Session, new: Session },
}

impl Sessions {
    /// Opens a session, or gives the one that is there with an equal spec,
    /// dialled when it is down. A connect that fails leaves nothing behind,
    /// and nothing changed; a persistent session is on disk before this
    /// returns.
    pub async fn connect(&self, request: ConnectRequest) -> Result<Connected, SessionError> {
        let refuse = |source| SessionError::Spec {
            id: request.id.clone(),
            source,
        };
        let around = &self.around.surroundings;
        Plan::new(
            request.id.as_str(),
            &request.spec,
            false,
            around,
            String::new(),
        )
        .await
        .map_err(refuse)?;
        let (session, old) = loop {
            match self.find_or_begin(&request)? {
                // Whoever opens it may still fail, and then it is this call's.
                Found::There(session) if !session.is_settled().await => {
                    if self.around.stopping.is_cancelled() {
                        return Err(SessionError::Closed { id: request.id });
                    }
                }
                Found::There(session) => return self.reuse(session, request.agent).await,
                Found::New(session) => break (session, None),
                Found::Renewed { old, new } => break (new, Some(old)),
            }
        };
        let unfinished = Unfinished {
            sessions: self.clone(),
            session: Some(session.clone()),
        };
        session.first_dial().await?;
        // From here on it goes to its end whoever gives up: a commit that is
        // under way cannot be called back.
        let (this, settled) = (self.clone(), session.clone());
        let settling = async move { this.settle(request, settled, old, unfinished).await };
        match self.around.tasks.spawn(settling).await {
            Ok(outcome) => outcome?,
            Err(_panic) => {
                return Err(SessionError::Closed {
                    id: session.id().clone(),
                });
            }
        }
        Ok(Connected {
            session,
            reused: false,
        })
    }

    async fn reuse(
        &self,
        session: Session,
        agent: Option<PathBuf>,
    ) -> Result<Connected, SessionError> {
        if let Some(agent) = agent {
            session.bring_agent(agent).await;
        }
        session.connection(Duration::MAX).await?;
        let turn = self.turn(session.id()).await;
        if self.lists(&session) {
            self.around.followers.attach(&session);
        }
        drop(turn);
        Ok(Connected {
            session,
            reused: true,
        })
    }

    fn find_or_begin(&self, request: &ConnectRequest) -> Result<Found, SessionError> {
        let mut by_id = self.lock();
        let Some(there) = by_id.get(&request.id) else {
            let session = self.begin_requested(request);
            by_id.insert(request.id.clone(), session.clone());
            return Ok(Found::New(session));
        };
        let fields = there.spec().differing_fields(&request.spec);
        if fields.is_empty() {
            return Ok(Found::There(there.clone()));
        }
        let is_same_but_secrets =
            there.spec().without_secrets().0 == request.spec.without_secrets().0;
        if !is_same_but_secrets || !there.wants_secret() {
            return Err(SessionError::AlreadyExists {
                id: request.id.clone(),
                fields,
            });
        }
        Ok(Found::Renewed {
            old: there.clone(),
            new: self.begin_requested(request),
        })
    }

    fn begin_requested(&self, request: &ConnectRequest) -> Session {
        self.begin(Begin {
            id: request.id.clone(),
            spec: request.spec.clone(),
            secret_gone: false,
            opened_by: request.client.clone(),
            agent: request.agent.clone(),
            rehydrated: false,
        })
    }

    /// Writes a persistent session down and lists it in place of `old`, unless
    /// its id went to another, or to nobody, while it was dialled.
    async fn settle(
        &self,
        request: ConnectRequest,
        session: Session,
        old: Option<Session>,
        mut unfinished: Unfinished,
    ) -> Result<(), SessionError> {
        let _turn = self.turn(&request.id).await;
        let listed = old.as_ref().unwrap_or(&session);
        if !self.get(&request.id).is_ok_and(|there| there.is(listed)) {
            return Err(SessionError::Closed { id: request.id });
        }
        if session.spec().persistent
            && let Err(error) = self.keep(&request, old.is_none()).await
        {
            return Err(match old {
                // It was kept before, and is again or still.
                Some(_) => error,
                None => self.take_back(&request.id, error).await,
            });
        }
        self.lock().insert(request.id, session.clone());
        unfinished.session = None;
        // What followed the old one never sees it end.
        self.around.followers.attach(&session);
        session.settle();
        if let Some(old) = old {
            old.begin_close();
        }
        Ok(())
    }

    /// A session that may be on disk although its commit failed is taken off
    /// it, so that what answered with an error does not come back.
    async fn take_back(&self, id: &Id, error: SessionError) -> SessionError {
        let SessionError::Commit { source, .. } = &error else {
            return error;
        };
        if !matches!(source, CommitError::Unknown(_)) {
            return error;
        }
        let removed = self
            .around
            .store
            .commit(vec![Change::RemoveSession(id.clone())]);
        match removed.await {
            Ok(()) => SessionError::TakenBack { id: id.clone() },
            Err(_unknown) => error,
        }
    }

    /// Writes it down; a new one without what an earlier session of its id may have
    /// left there.
    async fn keep(&self, request: &ConnectRequest, is_new: bool) -> Result<(), SessionError> {
        let (spec, lacks_inline_secret) = request.spec.without_secrets();
        let saved = SavedSession {
            id: request.id.clone(),
            spec,
            lacks_inline_secret,
            agent_socket: request
                .agent
                .as_ref()
                .map(|path| path.display().to_string()),
            cwd: request.cwd.clone(),
            opened_by: request.client.clone(),
            created_at_ms: self.around.clock.now_ms(),
        };
        let left = is_new.then(|| Change::RemoveSession(request.id.clone()));
        let changes = left
            .into_iter()
            .chain([Change::PutSession(Box::new(saved))])
            .collect();
        let kept = self.around.store.commit(changes).await;
        kept.map_err(|source| SessionError::Commit {
            id: request.id.clone(),
            source,
        })
    }
}
