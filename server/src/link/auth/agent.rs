//! SSH agents: finding the one to ask, and its keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::PublicKey;
use russh::keys::agent::client::AgentClient;
use russh::keys::agent::{AgentIdentity, AgentSessionBinding};
use tokio::net::UnixStream;

use crate::link::error::LinkError;
use crate::link::named_file::short_text;

/// How long an agent may take to list its keys before the next is asked.
const LIST_WAIT: Duration = Duration::from_secs(5);

/// An agent that answered, and the keys it has.
pub(super) struct Agent {
    pub(super) path: PathBuf,
    pub(super) client: AgentClient<UnixStream>,
    pub(super) identities: Vec<AgentIdentity>,
}

/// Where agents listen, in the order in which they are asked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgentSockets {
    /// Of the session's own clients: each is asked.
    pub own: Vec<PathBuf>,
    /// That other clients brought: asked only when none of one's own has a key
    /// (FAULTS 43).
    pub remembered: Vec<PathBuf>,
}

impl AgentSockets {
    /// The one that a program beside us is given: never another client's.
    pub(in crate::link) fn first(&self) -> Option<&Path> {
        self.own.first().map(PathBuf::as_path)
    }
}

impl Agent {
    /// Whether it has this key, itself or with a certificate.
    pub(super) fn has(&self, public: &PublicKey) -> bool {
        self.identities.iter().any(|held| is_of(held, public))
    }

    /// Takes the identities of this key out of those that are left.
    pub(super) fn take(&mut self, public: &PublicKey) -> Vec<AgentIdentity> {
        let all = std::mem::take(&mut self.identities);
        let (mut taken, left): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|held| is_of(held, public));
        self.identities = left;
        // A certificate goes before its key.
        taken.sort_by_key(|held| matches!(held, AgentIdentity::PublicKey { .. }));
        taken
    }
}

fn is_of(held: &AgentIdentity, public: &PublicKey) -> bool {
    match held {
        AgentIdentity::PublicKey { key, .. } => key.key_data() == public.key_data(),
        AgentIdentity::Certificate { certificate, .. } => {
            certificate.public_key() == public.key_data()
        }
    }
}

/// The public key of an identity: the file beside it, or the file itself, which
/// may be public where only an agent has the private half.
pub(super) async fn public_half(identity: &Path) -> Option<PublicKey> {
    let mut beside = identity.as_os_str().to_owned();
    beside.push(".pub");
    for path in [PathBuf::from(beside), identity.to_owned()] {
        let Some(text) = short_text(path).await else {
            continue;
        };
        if let Ok(key) = PublicKey::from_openssh(text.trim()) {
            return Some(key);
        }
    }
    None
}

/// What the agents that were asked answered.
#[derive(Default)]
pub(super) struct Asked {
    /// Those that have keys.
    pub(super) agents: Vec<Agent>,
    /// The first that has none.
    empty: Option<PathBuf>,
    /// Those that did not answer, and why.
    silent: Vec<(PathBuf, io::Error)>,
}

impl Asked {
    /// Asks `first`, which the spec or `ssh_config` names, and all of one's own;
    /// where none has a key, the others. `binding` tells them to which server.
    pub(super) async fn ask(
        first: Option<&Path>,
        sockets: &AgentSockets,
        binding: Option<&AgentSessionBinding>,
    ) -> Self {
        let mut own: Vec<&Path> = Vec::new();
        let all = sockets.own.iter().map(PathBuf::as_path);
        for path in first.into_iter().chain(all) {
            if !own.contains(&path) {
                own.push(path);
            }
        }
        let mut asked = Self::default();
        asked.ask_all(own, binding).await;
        if asked.agents.is_empty() {
            let others = sockets.remembered.iter().map(PathBuf::as_path);
            asked.ask_all(others.collect(), binding).await;
            asked.agents.truncate(1);
        }
        asked
    }

    /// All at once: one that hangs must not use up the others' time.
    async fn ask_all(&mut self, paths: Vec<&Path>, binding: Option<&AgentSessionBinding>) {
        let answers = paths.iter().map(|path| ask(path, binding));
        let answers = futures::future::join_all(answers).await;
        for (path, answer) in paths.into_iter().zip(answers) {
            match answer {
                Ok(agent) if agent.identities.is_empty() => {
                    self.empty.get_or_insert_with(|| path.to_owned());
                }
                Ok(agent) => self.agents.push(agent),
                Err(error) => self.silent.push((path.to_owned(), error)),
            }
        }
    }

    /// In words, those that did not answer, where another did.
    pub(super) fn silent(&self) -> Option<String> {
        if self.agents.is_empty() || self.silent.is_empty() {
            return None;
        }
        let each = self.silent.iter();
        let each = each.map(|(path, error)| format!("{}: {error}", path.display()));
        Some(format!(
            "(not asked: {})",
            each.collect::<Vec<_>>().join(", ")
        ))
    }

    /// What to say where no agent has a key.
    pub(super) fn missing(&mut self) -> Option<LinkError> {
        if !self.agents.is_empty() {
            return None;
        }
        if let Some(path) = &self.empty {
            return Some(LinkError::EmptyAgent {
                path: path.display().to_string(),
            });
        }
        let (path, source) = if self.silent.is_empty() {
            let none = io::Error::new(io::ErrorKind::NotFound, "no client brought SSH_AUTH_SOCK");
            ("(no socket known)".to_owned(), none)
        } else {
            let (path, error) = self.silent.remove(0);
            (path.display().to_string(), error)
        };
        Some(LinkError::NoAgent { path, source })
    }
}

/// The keys of one agent. One that is told the server first (OpenSSH's
/// PROTOCOL.agent, `session-bind@openssh.com`) uses keys that are constrained
/// to destinations for those alone; one that does not know that refuses it, and
/// has no such keys.
async fn ask(path: &Path, binding: Option<&AgentSessionBinding>) -> io::Result<Agent> {
    let listing = async {
        let stream = UnixStream::connect(path).await?;
        let mut client = AgentClient::connect(stream);
        if let Some(binding) = binding
            && let Err(error) = client.bind_session(binding, false).await
        {
            tracing::debug!(%error, path = %path.display(), "the agent is not bound");
        }
        let identities = client
            .request_identities()
            .await
            .map_err(io::Error::other)?;
        Ok(Agent {
            path: path.to_owned(),
            client,
            identities,
        })
    };
    match tokio::time::timeout(LIST_WAIT, listing).await {
        Ok(answer) => answer,
        Err(_late) => Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the agent does not answer",
        )),
    }
}
