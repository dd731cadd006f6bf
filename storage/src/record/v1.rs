//! The records of version 1. Never edited: their order of fields is the format.
//!
//! Each conversion takes its spec apart by name, so that a field that the
//! contract gains fails to compile here instead of being lost.

use std::time::Duration;

use schema::spec::{Auth, DockerSpec, ForwardKind, ForwardSpec, JumpHost, SshSpec};
use schema::{GoDuration, Id};
use serde::{Deserialize, Serialize};

use super::RecordError;
use crate::state::{SavedDockerHost, SavedForward, SavedSession};

#[derive(Serialize, Deserialize)]
pub(crate) struct SessionV1 {
    spec: SshSpecV1,
    lacks_inline_secret: bool,
    agent_socket: Option<String>,
    cwd: Option<String>,
    opened_by: String,
    created_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct SshSpecV1 {
    user: Option<String>,
    addresses: Vec<String>,
    auth: Option<AuthV1>,
    jump_hosts: Vec<JumpHostV1>,
    insecure: bool,
    known_hosts_path: Option<String>,
    host_key: Option<String>,
    timeout_ns: Option<u64>,
    keepalive_ns: Option<u64>,
    auto_reconnect: bool,
    persistent: bool,
    forward_agent: bool,
    disable_ssh_config: bool,
}

#[derive(Serialize, Deserialize)]
struct AuthV1 {
    key_path: Option<String>,
    use_agent: Option<bool>,
    agent_socket: Option<String>,
    secret_name: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct JumpHostV1 {
    user: Option<String>,
    addresses: Vec<String>,
    auth: Option<AuthV1>,
    known_hosts_path: Option<String>,
    insecure: bool,
    timeout_ns: Option<u64>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct ForwardV1 {
    bind_addr: String,
    bind_port: u16,
    kind: ForwardKindV1,
    created_at_ms: i64,
}

/// The order is the format.
#[derive(Serialize, Deserialize)]
enum ForwardKindV1 {
    Local {
        remote_host: String,
        remote_port: u16,
    },
    LocalSocket {
        remote_socket: String,
    },
    Remote {
        local_host: String,
        local_port: u16,
    },
    Dynamic,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct DockerHostV1 {
    host: Option<String>,
    tls_cert_path: Option<String>,
    tls_key_path: Option<String>,
    tls_ca_path: Option<String>,
    api_version: Option<String>,
    key_path: Option<String>,
    use_agent: Option<bool>,
    agent_socket: Option<String>,
    secret_name: Option<String>,
    known_hosts_path: Option<String>,
    host_key: Option<String>,
    ssh_insecure: bool,
    persistent: bool,
    auto_reconnect: bool,
    lacks_inline_secret: bool,
    created_at_ms: i64,
}

impl From<SavedSession> for SessionV1 {
    fn from(session: SavedSession) -> Self {
        let (spec, taken) = session.spec.without_secrets();
        Self {
            spec: spec.into(),
            lacks_inline_secret: session.lacks_inline_secret || taken,
            agent_socket: session.agent_socket,
            cwd: session.cwd,
            opened_by: session.opened_by,
            created_at_ms: session.created_at_ms,
        }
    }
}

impl SessionV1 {
    /// What it says about the session `id`.
    pub(crate) fn into_saved(self, id: &str) -> Result<SavedSession, RecordError> {
        Ok(SavedSession {
            id: Id::new(id)?,
            spec: self.spec.into(),
            lacks_inline_secret: self.lacks_inline_secret,
            agent_socket: self.agent_socket,
            cwd: self.cwd,
            opened_by: self.opened_by,
            created_at_ms: self.created_at_ms,
        })
    }
}

impl From<SshSpec> for SshSpecV1 {
    fn from(spec: SshSpec) -> Self {
        let SshSpec {
            user,
            addresses,
            auth,
            jump_hosts,
            insecure,
            known_hosts_path,
            host_key,
            timeout,
            keepalive,
            auto_reconnect,
            persistent,
            forward_agent,
            disable_ssh_config,
        } = spec;
        Self {
            user,
            addresses,
            auth: auth.map(Into::into),
            jump_hosts: jump_hosts.into_iter().map(Into::into).collect(),
            insecure,
            known_hosts_path,
            host_key,
            timeout_ns: timeout.map(nanoseconds),
            keepalive_ns: keepalive.map(nanoseconds),
            auto_reconnect,
            persistent,
            forward_agent,
            disable_ssh_config,
        }
    }
}

impl From<SshSpecV1> for SshSpec {
    fn from(record: SshSpecV1) -> Self {
        Self {
            user: record.user,
            addresses: record.addresses,
            auth: record.auth.map(Into::into),
            jump_hosts: record.jump_hosts.into_iter().map(Into::into).collect(),
            insecure: record.insecure,
            known_hosts_path: record.known_hosts_path,
            host_key: record.host_key,
            timeout: record.timeout_ns.map(duration),
            keepalive: record.keepalive_ns.map(duration),
            auto_reconnect: record.auto_reconnect,
            persistent: record.persistent,
            forward_agent: record.forward_agent,
            disable_ssh_config: record.disable_ssh_config,
        }
    }
}

impl From<Auth> for AuthV1 {
    fn from(auth: Auth) -> Self {
        let Auth {
            key_path,
            key_passphrase: _,
            use_agent,
            agent_socket,
            password: _,
            secret,
        } = auth;
        Self {
            key_path,
            use_agent,
            agent_socket,
            secret_name: secret,
        }
    }
}

impl From<AuthV1> for Auth {
    fn from(record: AuthV1) -> Self {
        Self {
            key_path: record.key_path,
            key_passphrase: None,
            use_agent: record.use_agent,
            agent_socket: record.agent_socket,
            password: None,
            secret: record.secret_name,
        }
    }
}

impl From<JumpHost> for JumpHostV1 {
    fn from(hop: JumpHost) -> Self {
        let JumpHost {
            user,
            addresses,
            auth,
            known_hosts_path,
            insecure,
            timeout,
        } = hop;
        Self {
            user,
            addresses,
            auth: auth.map(Into::into),
            known_hosts_path,
            insecure,
            timeout_ns: timeout.map(nanoseconds),
        }
    }
}

impl From<JumpHostV1> for JumpHost {
    fn from(record: JumpHostV1) -> Self {
        Self {
            user: record.user,
            addresses: record.addresses,
            auth: record.auth.map(Into::into),
            known_hosts_path: record.known_hosts_path,
            insecure: record.insecure,
            timeout: record.timeout_ns.map(duration),
        }
    }
}

impl From<SavedForward> for ForwardV1 {
    fn from(forward: SavedForward) -> Self {
        let ForwardSpec {
            bind_addr,
            bind_port,
            kind,
        } = forward.spec;
        Self {
            bind_addr,
            bind_port,
            kind: kind.into(),
            created_at_ms: forward.created_at_ms,
        }
    }
}

impl ForwardV1 {
    /// What it says about the forward `id` of `session_id`.
    pub(crate) fn into_saved(
        self,
        session_id: &str,
        id: &str,
    ) -> Result<SavedForward, RecordError> {
        Ok(SavedForward {
            session_id: Id::new(session_id)?,
            id: Id::new(id)?,
            spec: ForwardSpec {
                bind_addr: self.bind_addr,
                bind_port: self.bind_port,
                kind: self.kind.into(),
            },
            created_at_ms: self.created_at_ms,
        })
    }
}

impl From<ForwardKind> for ForwardKindV1 {
    fn from(kind: ForwardKind) -> Self {
        match kind {
            ForwardKind::Local {
                remote_host,
                remote_port,
            } => Self::Local {
                remote_host,
                remote_port,
            },
            ForwardKind::LocalSocket { remote_socket } => Self::LocalSocket { remote_socket },
            ForwardKind::Remote {
                local_host,
                local_port,
            } => Self::Remote {
                local_host,
                local_port,
            },
            ForwardKind::Dynamic => Self::Dynamic,
        }
    }
}

impl From<ForwardKindV1> for ForwardKind {
    fn from(record: ForwardKindV1) -> Self {
        match record {
            ForwardKindV1::Local {
                remote_host,
                remote_port,
            } => Self::Local {
                remote_host,
                remote_port,
            },
            ForwardKindV1::LocalSocket { remote_socket } => Self::LocalSocket { remote_socket },
            ForwardKindV1::Remote {
                local_host,
                local_port,
            } => Self::Remote {
                local_host,
                local_port,
            },
            ForwardKindV1::Dynamic => Self::Dynamic,
        }
    }
}

impl From<SavedDockerHost> for DockerHostV1 {
    fn from(saved: SavedDockerHost) -> Self {
        let DockerSpec {
            host,
            tls_cert_path,
            tls_key_path,
            tls_ca_path,
            api_version,
            key_path,
            key_passphrase,
            use_agent,
            agent_socket,
            password,
            secret,
            known_hosts_path,
            host_key,
            ssh_insecure,
            persistent,
            auto_reconnect,
        } = saved.spec;
        Self {
            host,
            tls_cert_path,
            tls_key_path,
            tls_ca_path,
            api_version,
            key_path,
            use_agent,
            agent_socket,
            secret_name: secret,
            known_hosts_path,
            host_key,
            ssh_insecure,
            persistent,
            auto_reconnect,
            lacks_inline_secret: saved.lacks_inline_secret
                || key_passphrase.is_some()
                || password.is_some(),
            created_at_ms: saved.created_at_ms,
        }
    }
}

impl DockerHostV1 {
    /// What it says about the Docker host `id`.
    pub(crate) fn into_saved(self, id: &str) -> Result<SavedDockerHost, RecordError> {
        Ok(SavedDockerHost {
            id: Id::new(id)?,
            spec: DockerSpec {
                host: self.host,
                tls_cert_path: self.tls_cert_path,
                tls_key_path: self.tls_key_path,
                tls_ca_path: self.tls_ca_path,
                api_version: self.api_version,
                key_path: self.key_path,
                key_passphrase: None,
                use_agent: self.use_agent,
                agent_socket: self.agent_socket,
                password: None,
                secret: self.secret_name,
                known_hosts_path: self.known_hosts_path,
                host_key: self.host_key,
                ssh_insecure: self.ssh_insecure,
                persistent: self.persistent,
                auto_reconnect: self.auto_reconnect,
            },
            lacks_inline_secret: self.lacks_inline_secret,
            created_at_ms: self.created_at_ms,
        })
    }
}

/// Longer than 584 years is kept as that.
fn nanoseconds(duration: GoDuration) -> u64 {
    u64::try_from(duration.0.as_nanos()).unwrap_or(u64::MAX)
}

fn duration(nanoseconds: u64) -> GoDuration {
    GoDuration(Duration::from_nanos(nanoseconds))
}
