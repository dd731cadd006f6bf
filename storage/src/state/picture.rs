//! What the state says, as the program thinks of it.

use redb::{Database, ReadableDatabase as _, ReadableTable as _};
use schema::Id;
use schema::spec::{DockerSpec, ForwardSpec, SshSpec};

use super::tables::{DOCKER_HOSTS, FORWARDS, SESSIONS, split_forward_key};
use crate::database::DatabaseFault;
use crate::record::{DockerHostV1, ForwardV1, RecordError, SessionV1, decode};

/// A session that comes back at every start until its caller removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedSession {
    /// The caller's name for it.
    pub id: Id,
    /// What was asked for. Inline secrets in it are dropped when it is stored.
    pub spec: SshSpec,
    /// Whether a password or passphrase was given inline and is now missing.
    pub lacks_inline_secret: bool,
    /// The agent's socket of the client that opened it.
    pub agent_socket: Option<String>,
    /// The working folder of the client that opened it.
    pub cwd: Option<String>,
    /// The name of that client.
    pub opened_by: String,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
}

/// A forward of a saved session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedForward {
    /// Whose it is.
    pub session_id: Id,
    /// Unique within its session.
    pub id: Id,
    /// What was asked for, the asked port 0 included.
    pub spec: ForwardSpec,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
}

/// A Docker host that comes back at every start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDockerHost {
    /// The caller's name for it.
    pub id: Id,
    /// What was asked for. Inline secrets in it are dropped when it is stored.
    pub spec: DockerSpec,
    /// Whether a password or passphrase was given inline and is now missing.
    pub lacks_inline_secret: bool,
    /// Unix time in milliseconds.
    pub created_at_ms: i64,
}

/// All of the state, as of one moment, each list in the order of its ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Picture {
    /// The sessions.
    pub sessions: Vec<SavedSession>,
    /// Their forwards. One may name a session that is not there, if a Go
    /// program's file had it so.
    pub forwards: Vec<SavedForward>,
    /// The Docker hosts.
    pub docker_hosts: Vec<SavedDockerHost>,
}

/// Reads it all in one read transaction.
pub(super) fn read_picture(database: &Database) -> Result<Picture, DatabaseFault> {
    let read = database.begin_read()?;
    let mut picture = Picture::default();
    for row in read.open_table(SESSIONS)?.iter()? {
        let (key, value) = row?;
        let (id, value) = (key.value(), value.value());
        let saved = decode::<SessionV1>(value).and_then(|record| record.into_saved(id));
        picture
            .sessions
            .push(saved.map_err(unreadable("session", id))?);
    }
    for row in read.open_table(FORWARDS)?.iter()? {
        let (key, value) = row?;
        let (session_id, id) = split_forward_key(key.value());
        let saved =
            decode::<ForwardV1>(value.value()).and_then(|record| record.into_saved(session_id, id));
        picture
            .forwards
            .push(saved.map_err(unreadable("forward", id))?);
    }
    for row in read.open_table(DOCKER_HOSTS)?.iter()? {
        let (key, value) = row?;
        let (id, value) = (key.value(), value.value());
        let saved = decode::<DockerHostV1>(value).and_then(|record| record.into_saved(id));
        picture
            .docker_hosts
            .push(saved.map_err(unreadable("Docker host", id))?);
    }
    Ok(picture)
}

fn unreadable<'a>(
    what: &'static str,
    id: &'a str,
) -> impl FnOnce(RecordError) -> DatabaseFault + 'a {
    move |error| DatabaseFault::Damaged(format!("the {what} `{id}` cannot be read: {error}"))
}
