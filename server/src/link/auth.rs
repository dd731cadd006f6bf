//! Authentication of one link, in the contract's order: an explicit key goes
//! first and alone; then the identities that `ssh_config` names, agent, default
//! keys, password, keyboard-interactive.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use russh::MethodSet;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::agent::{self, Agent};
use super::client::{Client, Found};
use super::error::LinkError;
use super::plan::Hop;

/// Rounds of keyboard-interactive questions that are answered; a server that
/// asks more is not asking for a password.
const QUESTION_ROUNDS: usize = 8;

/// Agent keys offered at most: sshd's default `MaxAuthTries` is 6, and each
/// refused key counts.
const AGENT_KEYS_MAX: usize = 5;

/// Credentials that a server may want one after the other.
const PARTS_MAX: usize = 4;

/// How long the reason for a link's end may take to arrive after the end.
const REASON_WAIT: Duration = Duration::from_secs(1);

/// Where the end of the link shows.
#[derive(Clone, Copy)]
pub(super) struct Ending<'a> {
    pub(super) found: &'a Found,
    pub(super) closed: &'a CancellationToken,
}

/// One attempt to authenticate, and what it learned on the way.
pub(super) struct Authentication<'a> {
    handle: &'a mut Handle<Client>,
    ending: Ending<'a>,
    hop: &'a Hop,
    address: &'a Address,
    agents: &'a [PathBuf],
    tried: Vec<String>,
    /// Credentials that the server looked at and did not take.
    refusals: usize,
    /// Credentials that it took, wanting more (RFC 4252 section 5.1).
    partial: usize,
    accepts: BTreeSet<&'static str>,
    no_agent: Option<LinkError>,
    rsa_hash: Option<HashAlg>,
}

impl<'a> Authentication<'a> {
    pub(super) fn new(
        handle: &'a mut Handle<Client>,
        ending: Ending<'a>,
        hop: &'a Hop,
        address: &'a Address,
        agents: &'a [PathBuf],
    ) -> Self {
        Self {
            handle,
            ending,
            hop,
            address,
            agents,
            tried: Vec::new(),
            refusals: 0,
            partial: 0,
            accepts: BTreeSet::new(),
            no_agent: None,
            rsa_hash: None,
        }
    }

    /// Tries everything there is until the server is content.
    pub(super) async fn run(mut self) -> Result<(), LinkError> {
        let none = self.handle.authenticate_none(self.hop.user.clone()).await;
        if self.accepted(none).await? {
            return Ok(());
        }
        self.refusals = 0; // Nothing was offered yet.
        for _ in 0..PARTS_MAX {
            let before = self.partial;
            if self.keys().await? || self.passwords().await? {
                return Ok(());
            }
            if self.partial == before {
                break;
            }
        }
        Err(self.refused())
    }

    async fn keys(&mut self) -> Result<bool, LinkError> {
        if !self.wants("publickey") {
            return Ok(false);
        }
        if let Some(path) = self.hop.credentials.key.clone() {
            let key = self.load(&path).await?;
            return self.offer(&path, key).await;
        }
        let mut agent = self.agent().await;
        let credentials = &self.hop.credentials;
        let (named, defaults) = (
            credentials.identities.clone(),
            credentials.default_keys.clone(),
        );
        for path in named {
            if self.identity(&path, agent.as_mut()).await? {
                return Ok(true);
            }
        }
        if let Some(agent) = &mut agent
            && !self.hop.credentials.identities_only
            && self.agent_keys(agent).await?
        {
            return Ok(true);
        }
        for path in defaults {
            if self.key_file(&path).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A key that `ssh_config` names: an agent that has it signs, which spares
    /// its passphrase; else its file does.
    async fn identity(
        &mut self,
        path: &Path,
        agent: Option<&mut Agent>,
    ) -> Result<bool, LinkError> {
        if let Some(agent) = agent
            && let Some(public) = agent::public_half(path).await
            && let Some(held) = agent.take(&public)
        {
            let words = format!("the key {} by the agent", path.display());
            self.tried.push(words);
            return self.sign_by(agent, held).await;
        }
        self.key_file(path).await
    }

    /// A key file, where there is one.
    async fn key_file(&mut self, path: &Path) -> Result<bool, LinkError> {
        if !tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Ok(false);
        }
        match self.load(path).await {
            Ok(key) => self.offer(path, key).await,
            Err(error) => {
                self.tried.push(error.to_string());
                Ok(false)
            }
        }
    }

    async fn load(&self, path: &Path) -> Result<PrivateKey, LinkError> {
        let credentials = &self.hop.credentials;
        let passphrase = credentials.passphrase.clone();
        let owned = path.to_owned();
        let loading = tokio::task::spawn_blocking(move || {
            russh::keys::load_secret_key(owned, passphrase.as_ref().map(schema::Secret::expose))
        });
        let name = path.display().to_string();
        match loading.await {
            Ok(Ok(key)) => Ok(key),
            Ok(Err(russh::keys::Error::KeyIsEncrypted)) if credentials.secret_gone => {
                Err(LinkError::SecretGone {
                    what: format!("passphrase of {name}"),
                })
            }
            Ok(Err(russh::keys::Error::KeyIsEncrypted)) if credentials.passphrase.is_none() => {
                Err(LinkError::PassphraseNeeded { path: name })
            }
            Ok(Err(source)) => Err(LinkError::KeyFile { path: name, source }),
            Err(panic) => Err(LinkError::Lost(format!("reading {name} failed: {panic}"))),
        }
    }

    async fn offer(&mut self, path: &Path, key: PrivateKey) -> Result<bool, LinkError> {
        if !self.wants("publickey") {
            return Ok(false);
        }
        self.tried.push(format!("the key {}", path.display()));
        let hash = self.hash_for(key.algorithm()).await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let answer = self
            .handle
            .authenticate_publickey(self.hop.user.clone(), key)
            .await;
        self.accepted(answer).await
    }

    /// The hash to sign with: for RSA the best that the server names (RFC
    /// 8308), never SHA-1; none for other keys. Asked once, and only for RSA,
    /// since a server without extensions lets us wait.
    async fn hash_for(&mut self, algorithm: Algorithm) -> Option<HashAlg> {
        if !algorithm.is_rsa() {
            return None;
        }
        if self.rsa_hash.is_none() {
            let named = self
                .handle
                .best_supported_rsa_hash()
                .await
                .ok()
                .flatten()
                .flatten();
            self.rsa_hash = named.or(Some(HashAlg::Sha512));
        }
        self.rsa_hash
    }

    /// The agent to ask; none when none is wanted, or none has a key.
    async fn agent(&mut self) -> Option<Agent> {
        if !self.hop.credentials.use_agent {
            return None;
        }
        match agent::find(self.agents).await {
            Ok(found) if !found.identities.is_empty() => Some(found),
            // A person loads their keys after a login: nothing was refused.
            Ok(empty) => {
                self.no_agent = Some(LinkError::EmptyAgent {
                    path: empty.path.display().to_string(),
                });
                None
            }
            Err(error) => {
                self.no_agent = Some(error);
                None
            }
        }
    }

    /// What the agent has beside the identities that were named.
    async fn agent_keys(&mut self, agent: &mut Agent) -> Result<bool, LinkError> {
        let count = agent.identities.len();
        let path = agent.path.display();
        self.tried
            .push(format!("{count} keys of the agent at {path}"));
        for identity in agent.identities.clone().into_iter().take(AGENT_KEYS_MAX) {
            if self.sign_by(agent, identity).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn sign_by(&mut self, agent: &mut Agent, held: AgentIdentity) -> Result<bool, LinkError> {
        let AgentIdentity::PublicKey { key, .. } = held else {
            return Ok(false);
        };
        if !self.wants("publickey") {
            return Ok(false);
        }
        let hash = self.hash_for(key.algorithm()).await;
        let user = self.hop.user.clone();
        let answer = self
            .handle
            .authenticate_publickey_with(user, key, hash, &mut agent.client)
            .await;
        match answer {
            Ok(result) => self.accepted(Ok(result)).await,
            Err(error) if self.handle.is_closed() => Err(self.cut_off(&error.to_string()).await),
            // The agent would not sign with this key; it may with the next.
            Err(error) => {
                self.tried.push(format!("(it would not sign: {error})"));
                Ok(false)
            }
        }
    }

    async fn passwords(&mut self) -> Result<bool, LinkError> {
        let credentials = &self.hop.credentials;
        let Some(password) = credentials.password.clone() else {
            if credentials.secret_gone && self.tried.is_empty() {
                return Err(LinkError::SecretGone {
                    what: "password".into(),
                });
            }
            return Ok(false);
        };
        if self.wants("password") {
            self.tried.push("the password".into());
            let user = self.hop.user.clone();
            let answer = self
                .handle
                .authenticate_password(user, password.expose())
                .await;
            if self.accepted(answer).await? {
                return Ok(true);
            }
        }
        if self.wants("keyboard-interactive") {
            self.tried
                .push("the password for keyboard-interactive".into());
            return self.questions(password.expose()).await;
        }
        Ok(false)
    }

    /// Answers hidden questions with the password and nothing else: what a
    /// server asks in the open is not a password.
    async fn questions(&mut self, password: &str) -> Result<bool, LinkError> {
        let user = self.hop.user.clone();
        let mut step = self
            .handle
            .authenticate_keyboard_interactive_start(user, None::<String>)
            .await;
        for _ in 0..QUESTION_ROUNDS {
            let answer = match step {
                Ok(answer) => answer,
                Err(error) => return Err(self.cut_off(&schema::Fault::chain(&error)).await),
            };
            match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure {
                    remaining_methods,
                    partial_success,
                } => {
                    return self.judged(&remaining_methods, partial_success).await;
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                    if let Some(open) = prompts.iter().find(|prompt| prompt.echo) {
                        let asked: String = open.prompt.chars().take(60).collect();
                        self.tried
                            .push(format!("(it asks `{}`)", asked.trim().escape_debug()));
                        return Ok(false);
                    }
                    let answers = prompts.iter().map(|_| password.to_owned()).collect();
                    step = self
                        .handle
                        .authenticate_keyboard_interactive_respond(answers)
                        .await;
                }
            }
        }
        Ok(false)
    }

    /// Whether the server is content, remembering what else it would take.
    async fn accepted(
        &mut self,
        answer: Result<AuthResult, russh::Error>,
    ) -> Result<bool, LinkError> {
        match answer {
            Ok(AuthResult::Success) => Ok(true),
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => self.judged(&remaining_methods, partial_success).await,
            Err(error) => Err(self.cut_off(&schema::Fault::chain(&error)).await),
        }
    }

    /// One credential was refused, or taken as a part, unless that is how russh
    /// says that the link is gone.
    async fn judged(&mut self, methods: &MethodSet, is_part: bool) -> Result<bool, LinkError> {
        if methods.is_empty() || self.handle.is_closed() {
            return Err(self.cut_off("the server closed the connection").await);
        }
        self.accepts = methods.iter().map(<&'static str>::from).collect();
        if is_part {
            self.partial += 1;
            let more = self.accepted_methods();
            self.tried
                .push(format!("(which it took, and wants {more} as well)"));
        } else {
            self.refusals += 1;
        }
        Ok(false)
    }

    /// The link ended while authenticating. Where a credential was refused
    /// before, or the server says that there were too many, it was a refusal:
    /// dialling again would only count as more tries (FAULTS 30).
    async fn cut_off(&mut self, otherwise: &str) -> LinkError {
        let waited = tokio::time::timeout(REASON_WAIT, self.ending.closed.cancelled()).await;
        let reason = match (waited, self.ending.found.ended.get()) {
            (Ok(()), Some(reason)) => reason.clone(),
            _ => otherwise.to_owned(),
        };
        let too_many = reason.to_lowercase().contains("too many authentication");
        if !too_many && self.refusals == 0 {
            return LinkError::Lost(format!("while authenticating: {reason}"));
        }
        self.tried.push(format!("(then: {reason})"));
        LinkError::AuthRefused {
            user: self.hop.user.clone(),
            address: self.address.clone(),
            tried: self.tried.join(", "),
            accepts: self.accepted_methods(),
        }
    }

    fn accepted_methods(&self) -> String {
        self.accepts.iter().copied().collect::<Vec<_>>().join(", ")
    }

    fn wants(&self, method: &str) -> bool {
        self.accepts.contains(method)
    }

    /// Nothing was accepted. A missing agent is not a refused key.
    fn refused(self) -> LinkError {
        let accepts = self.accepted_methods();
        let (user, address) = (self.hop.user.clone(), self.address.clone());
        let credentials = &self.hop.credentials;
        if credentials.secret_gone {
            return LinkError::SecretGone {
                what: "password or passphrase".into(),
            };
        }
        match (self.no_agent, self.tried.is_empty()) {
            (Some(error), true) => error,
            (_, true) => LinkError::NoCredential {
                user,
                address,
                looked: format!(
                    "no key file, agent or password fits; the server accepts {accepts}"
                ),
            },
            (_, false) => LinkError::AuthRefused {
                user,
                address,
                tried: self.tried.join(", "),
                accepts,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use russh::MethodKind;

    use super::*;

    #[test]
    fn methods_are_named_as_the_protocol_names_them() {
        let set =
            MethodSet::from([MethodKind::PublicKey, MethodKind::KeyboardInteractive].as_slice());
        let names: Vec<&'static str> = set.iter().map(<&'static str>::from).collect();
        assert_eq!(names, ["publickey", "keyboard-interactive"]);
    }
}
