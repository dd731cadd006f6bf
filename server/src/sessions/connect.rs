//! `ssh_connect`: a new session, or the one that is there.

use std::path::PathBuf;
use std::time::Duration;

use schema::Id;
use schema::spec::SshSpec;
use storage::state::{Change, SavedSession};

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

/// Takes a session away again unless its connect succeeds, also when its
/// caller gives up half-way.
struct Unfinished<'a> {
    sessions: &'a Sessions,
    session: Option<Session>,
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            self.sessions.forget(&session);
            session.begin_close();
        }
    }
}

impl Sessions {
    /// Opens a session, or gives the one that is there with an equal spec,
    /// dialled when it is down. A connect that fails leaves nothing behind; a
    /// persistent session is on disk before this returns.
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
        .map_err(refuse)?;
        let (session, is_new) = self.find_or_begin(&request)?;
        if !is_new {
            if let Some(agent) = request.agent {
                session.bring_agent(agent).await;
            }
            session.connection(Duration::MAX).await?;
            return Ok(Connected {
                session,
                reused: true,
            });
        }
        let mut unfinished = Unfinished {
            sessions: self,
            session: Some(session.clone()),
        };
        session.first_dial().await?;
        if session.spec().persistent {
            self.keep(&request).await?;
        }
        unfinished.session = None;
        Ok(Connected {
            session,
            reused: false,
        })
    }

    fn find_or_begin(&self, request: &ConnectRequest) -> Result<(Session, bool), SessionError> {
        let mut by_id = self.lock();
        if let Some(there) = by_id.get(&request.id) {
            let fields = there.spec().differing_fields(&request.spec);
            return if fields.is_empty() {
                Ok((there.clone(), false))
            } else {
                Err(SessionError::AlreadyExists {
                    id: request.id.clone(),
                    fields,
                })
            };
        }
        let session = self.begin(Begin {
            id: request.id.clone(),
            spec: request.spec.clone(),
            secret_gone: false,
            opened_by: request.client.clone(),
            agent: request.agent.clone(),
            rehydrated: false,
        });
        by_id.insert(request.id.clone(), session.clone());
        Ok((session, true))
    }

    async fn keep(&self, request: &ConnectRequest) -> Result<(), SessionError> {
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
        self.around
            .store
            .commit(vec![Change::PutSession(Box::new(saved))])
            .await
            .map_err(|source| SessionError::Commit {
                id: request.id.clone(),
                source,
            })
    }
}
