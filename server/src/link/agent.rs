//! SSH agents: finding the one to ask, and its keys.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use russh::keys::PublicKey;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use tokio::net::UnixStream;

use super::error::LinkError;

/// How long an agent may take to list its keys before the next is asked.
const LIST_WAIT: Duration = Duration::from_secs(5);

/// An agent that answered, and the keys it has.
pub(super) struct Agent {
    pub(super) path: PathBuf,
    pub(super) client: AgentClient<UnixStream>,
    pub(super) identities: Vec<AgentIdentity>,
}

impl Agent {
    /// Takes the identity of this key out of those that are left, if it has it.
    pub(super) fn take(&mut self, public: &PublicKey) -> Option<AgentIdentity> {
        let is_it = |held: &AgentIdentity| match held {
            AgentIdentity::PublicKey { key, .. } => key.key_data() == public.key_data(),
            AgentIdentity::Certificate { .. } => false,
        };
        let at = self.identities.iter().position(is_it)?;
        Some(self.identities.remove(at))
    }
}

/// The public key of an identity: the file beside it, or the file itself, which
/// may be public where only an agent has the private half.
pub(super) async fn public_half(identity: &Path) -> Option<PublicKey> {
    let mut beside = identity.as_os_str().to_owned();
    beside.push(".pub");
    for path in [PathBuf::from(beside), identity.to_owned()] {
        let Ok(text) = tokio::fs::read_to_string(&path).await else {
            continue;
        };
        if let Ok(key) = PublicKey::from_openssh(text.trim()) {
            return Some(key);
        }
    }
    None
}

/// The first agent of `candidates` that answers and has keys; else the first
/// that answers.
pub(super) async fn find(candidates: &[PathBuf]) -> Result<Agent, LinkError> {
    let mut empty = None;
    let mut failure: Option<(&Path, io::Error)> = None;
    for path in candidates {
        match ask(path).await {
            Ok(agent) if !agent.identities.is_empty() => return Ok(agent),
            Ok(agent) => empty = empty.or(Some(agent)),
            Err(error) => failure = failure.or(Some((path, error))),
        }
    }
    if let Some(agent) = empty {
        return Ok(agent);
    }
    Err(match failure {
        Some((path, source)) => LinkError::NoAgent {
            path: path.display().to_string(),
            source,
        },
        None => LinkError::NoAgent {
            path: "(no socket known)".into(),
            source: io::Error::new(io::ErrorKind::NotFound, "no client brought SSH_AUTH_SOCK"),
        },
    })
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
