//! SSH agents: finding the one to ask, and its keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::PublicKey;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
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
    /// The one that a program beside us would be given.
    pub(in crate::link) fn first(&self) -> Option<&Path> {
        let first = self.own.first().or(self.remembered.first());
        first.map(PathBuf::as_path)
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

/// The agents that have keys: `first`, which the spec or `ssh_config` names, and
/// all of one's own; without any, the first of the others.
pub(super) async fn find(
    first: Option<&Path>,
    sockets: &AgentSockets,
) -> Result<Vec<Agent>, LinkError> {
    let mut own: Vec<&Path> = Vec::new();
    for path in first
        .into_iter()
        .chain(sockets.own.iter().map(PathBuf::as_path))
    {
        if !own.contains(&path) {
            own.push(path);
        }
    }
    let mut empty = None;
    let mut failure: Option<(&Path, io::Error)> = None;
    let mut found = Vec::new();
    let answers = futures::future::join_all(own.iter().map(|path| ask(path))).await;
    for (path, answer) in own.into_iter().zip(answers) {
        match answer {
            Ok(agent) if agent.identities.is_empty() => empty = empty.or(Some(path)),
            Ok(agent) => found.push(agent),
            Err(error) => failure = failure.or(Some((path, error))),
        }
    }
    for path in &sockets.remembered {
        if !found.is_empty() {
            break;
        }
        match ask(path).await {
            Ok(agent) if agent.identities.is_empty() => empty = empty.or(Some(path)),
            Ok(agent) => found.push(agent),
            Err(error) => failure = failure.or(Some((path, error))),
        }
    }
    match (found.is_empty(), empty, failure) {
        (false, ..) => Ok(found),
        (true, Some(path), _) => Err(LinkError::EmptyAgent {
            path: path.display().to_string(),
        }),
        (true, None, Some((path, source))) => Err(LinkError::NoAgent {
            path: path.display().to_string(),
            source,
        }),
        (true, None, None) => Err(LinkError::NoAgent {
            path: "(no socket known)".into(),
            source: io::Error::new(io::ErrorKind::NotFound, "no client brought SSH_AUTH_SOCK"),
        }),
    }
}

async fn ask(path: &Path) -> io::Result<Agent> {
    let listing = async {
        let stream = UnixStream::connect(path).await?;
        let mut client = AgentClient::connect(stream);
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
