//! The Go program's `state.json`, read once when there is no state of ours.

use std::path::Path;

use schema::Id;
use schema::spec::{DockerSpec, ForwardKind, ForwardSpec, SshSpec};
use serde::Deserialize;
use serde_json::Value;

use crate::private_files::{self, PrivateFileError};
use crate::state::{Change, Edit, SavedDockerHost, SavedForward, SavedSession};

/// Far above any state of the Go program: a spec is some hundred bytes.
const STATE_JSON_MAX_BYTES: u64 = 16 << 20;

/// Who opened what came from the Go program.
const OPENED_BY: &str = "import";

/// Why nothing was imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] PrivateFileError),
    /// It is not the Go program's.
    #[error("it is not the JSON that was expected")]
    Json(#[from] serde_json::Error),
    /// It has a version that nothing is known about.
    #[error("it has version {0}, and only version 1 is known")]
    Version(u64),
}

/// What came from the Go program's file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportReport {
    /// Sessions that were imported.
    pub sessions: usize,
    /// Forwards that were imported.
    pub forwards: usize,
    /// Docker hosts that were imported.
    pub docker_hosts: usize,
    /// Ids of sessions whose inline password or passphrase was not imported.
    pub sessions_without_secret: Vec<Id>,
    /// The same for Docker hosts.
    pub docker_hosts_without_secret: Vec<Id>,
    /// What could not be imported.
    pub refused: Vec<RefusedEntry>,
}

/// An entry that could not be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedEntry {
    /// `session`, `forward` or `docker host`.
    pub kind: &'static str,
    /// Its id, or its place in the list where it has none.
    pub id: String,
    /// Why not.
    pub reason: String,
}

/// The content of a `state.json`.
#[derive(Debug)]
pub(crate) struct Imported {
    pub(crate) edits: Vec<Edit>,
    pub(crate) report: ImportReport,
}

#[derive(Deserialize)]
struct GoState {
    version: u64,
    #[serde(default)]
    ssh_sessions: Option<Vec<Value>>,
    #[serde(default)]
    forwards: Option<Vec<Value>>,
    #[serde(default)]
    docker_hosts: Option<Vec<Value>>,
}

#[derive(Deserialize)]
struct GoEntry<S> {
    id: Id,
    spec: S,
}

#[derive(Deserialize)]
struct GoForward {
    id: Id,
    session_id: Id,
    kind: String,
    local_spec: Option<GoForwardSpec>,
    remote_spec: Option<GoForwardSpec>,
    dynamic_spec: Option<GoForwardSpec>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct GoForwardSpec {
    bind_addr: String,
    bind_port: u16,
    remote_host: String,
    remote_port: u16,
    local_host: String,
    local_port: u16,
}

impl Imported {
    /// Reads the file; `None` when there is none. It is not written.
    pub(crate) fn read(path: &Path, now_ms: i64) -> Result<Option<Self>, ImportError> {
        match private_files::read(path, STATE_JSON_MAX_BYTES) {
            Ok(bytes) => Self::parse(&bytes, now_ms).map(Some),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(bytes: &[u8], now_ms: i64) -> Result<Self, ImportError> {
        let state: GoState = serde_json::from_slice(bytes)?;
        if state.version != 1 {
            return Err(ImportError::Version(state.version));
        }
        let mut imported = Self {
            edits: Vec::new(),
            report: ImportReport::default(),
        };
        for (place, entry) in state.ssh_sessions.iter().flatten().enumerate() {
            imported.take("session", place, entry, |report, entry| {
                session(report, entry, now_ms)
            });
        }
        for (place, entry) in state.forwards.iter().flatten().enumerate() {
            imported.take("forward", place, entry, |report, entry| {
                forward(report, entry, now_ms)
            });
        }
        for (place, entry) in state.docker_hosts.iter().flatten().enumerate() {
            imported.take("docker host", place, entry, |report, entry| {
                docker_host(report, entry, now_ms)
            });
        }
        Ok(imported)
    }

    fn take(
        &mut self,
        kind: &'static str,
        place: usize,
        entry: &Value,
        read: impl FnOnce(&mut ImportReport, &Value) -> Result<Change, String>,
    ) {
        let edits = read(&mut self.report, entry)
            .and_then(|change| Edit::of(change).map_err(|error| error.to_string()));
        match edits {
            Ok(edits) => self.edits.extend(edits),
            Err(reason) => self.report.refused.push(RefusedEntry {
                kind,
                id: entry
                    .get("id")
                    .and_then(Value::as_str)
                    .map_or_else(|| format!("#{}", place + 1), str::to_owned),
                reason,
            }),
        }
    }
}

fn session(report: &mut ImportReport, entry: &Value, now_ms: i64) -> Result<Change, String> {
    let GoEntry::<SshSpec> { id, spec } = parse(entry)?;
    let (spec, lacks_inline_secret) = spec.without_secrets();
    report.sessions += 1;
    if lacks_inline_secret {
        report.sessions_without_secret.push(id.clone());
    }
    Ok(Change::PutSession(Box::new(SavedSession {
        id,
        spec,
        lacks_inline_secret,
        agent_socket: None,
        cwd: None,
        opened_by: OPENED_BY.into(),
        created_at_ms: now_ms,
    })))
}

fn forward(report: &mut ImportReport, entry: &Value, now_ms: i64) -> Result<Change, String> {
    let go: GoForward = parse(entry)?;
    let missing = |what: &str| format!("`{what}` is missing");
    let (spec, kind) = match go.kind.as_str() {
        "local" => {
            let mut spec = go.local_spec.ok_or_else(|| missing("local_spec"))?;
            let remote_host = std::mem::take(&mut spec.remote_host);
            let remote_port = spec.remote_port;
            (
                spec,
                ForwardKind::Local {
                    remote_host,
                    remote_port,
                },
            )
        }
        "remote" => {
            let mut spec = go.remote_spec.ok_or_else(|| missing("remote_spec"))?;
            let local_host = std::mem::take(&mut spec.local_host);
            let local_port = spec.local_port;
            (
                spec,
                ForwardKind::Remote {
                    local_host,
                    local_port,
                },
            )
        }
        "dynamic" => {
            let spec = go.dynamic_spec.ok_or_else(|| missing("dynamic_spec"))?;
            (spec, ForwardKind::Dynamic)
        }
        other => return Err(format!("`{other}` is no kind of forward")),
    };
    report.forwards += 1;
    Ok(Change::PutForward(SavedForward {
        session_id: go.session_id,
        id: go.id,
        spec: ForwardSpec {
            bind_addr: if spec.bind_addr.is_empty() {
                "127.0.0.1".into()
            } else {
                spec.bind_addr
            },
            bind_port: spec.bind_port,
            kind,
        },
        created_at_ms: now_ms,
    }))
}

fn docker_host(report: &mut ImportReport, entry: &Value, now_ms: i64) -> Result<Change, String> {
    let GoEntry::<DockerSpec> { id, spec } = parse(entry)?;
    let lacks_inline_secret = spec.password.is_some() || spec.key_passphrase.is_some();
    report.docker_hosts += 1;
    if lacks_inline_secret {
        report.docker_hosts_without_secret.push(id.clone());
    }
    Ok(Change::PutDockerHost(Box::new(SavedDockerHost {
        id,
        spec: DockerSpec {
            password: None,
            key_passphrase: None,
            ..spec
        },
        lacks_inline_secret,
        created_at_ms: now_ms,
    })))
}

fn parse<T: serde::de::DeserializeOwned>(entry: &Value) -> Result<T, String> {
    T::deserialize(entry).map_err(|error| error.to_string())
}
