//! What the state says, as the program thinks of it.

use schema::Id;
use schema::spec::{DockerSpec, ForwardSpec, SshSpec};

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

/// A job whose command goes on, on its host, without link and daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDurableJob {
    /// The job's id.
    pub id: String,
    /// The session that it was started on, which may be gone by now.
    pub session_id: Id,
    /// The user and the host key by which its host is known again:
    /// `ann@SHA256:...`. Its session may lead elsewhere by now.
    pub host: String,
    /// What it runs, for whoever asks. Secrets are taken out when it is stored.
    pub command: String,
    /// Keep control sequences in results.
    pub raw: bool,
    /// The name of its folder on the host: 16 hex digits in lower case, since
    /// it becomes part of commands there.
    pub mark: String,
    /// Unix time in milliseconds.
    pub started_at_ms: i64,
    /// Its number in history.
    pub seq: u64,
}

/// A shell that goes on, under a holder on its host, without link and daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedDurableShell {
    /// The session that it was opened on, which may be gone by now.
    pub session_id: Id,
    /// The caller's name for it, unique within its session.
    pub id: Id,
    /// The user and the host key by which its host is known again.
    pub host: String,
    /// Its name on the host: 16 hex digits in lower case, since it becomes part
    /// of commands there.
    pub mark: String,
    /// The holder, for a person; empty while it is not known to have started.
    pub holder: String,
    /// The terminal's height.
    pub rows: u16,
    /// The terminal's width.
    pub cols: u16,
    /// Unix time in milliseconds.
    pub opened_at_ms: i64,
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
    /// The durable jobs, of which each stays until it is removed by itself:
    /// its session may end before it.
    pub durable_jobs: Vec<SavedDurableJob>,
    /// The durable shells, each of which stays until it is removed by itself.
    pub durable_shells: Vec<SavedDurableShell>,
}
