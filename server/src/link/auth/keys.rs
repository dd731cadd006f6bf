//! The keys of one authentication: an explicit one alone; else those that
//! `ssh_config` names, the agents', the default files.

use std::path::Path;
use std::sync::Arc;

use russh::Signer;
use russh::client::AuthResult;
use russh::keys::agent::AgentIdentity;
use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PrivateKeyWithHashAlg, PublicKey};

use super::agent::{self, Agent, Asked};
use super::attempt::Authentication;
use super::certificate::{self, AgentSigner, FileSigner};
use super::key_file::{self, KeyFileError};
use super::tries;
use crate::clock::Clock;
use crate::link::error::LinkError;

impl Authentication<'_> {
    pub(super) async fn keys(&mut self) -> Result<bool, LinkError> {
        if !self.wants("publickey") {
            return Ok(false);
        }
        let credentials = &self.hop.credentials;
        if let Some(path) = credentials.key.clone() {
            return self.explicit(&path).await;
        }
        let (named, defaults) = (
            credentials.identities.clone(),
            credentials.default_keys.clone(),
        );
        for path in named {
            if self.identity(&path).await? {
                return Ok(true);
            }
        }
        if self.hop.credentials.use_agent && !self.hop.credentials.identities_only {
            for mut agent in std::mem::take(&mut self.asked().await.agents) {
                if self.agent_keys(&mut agent).await? {
                    return Ok(true);
                }
                self.asked().await.agents.push(agent);
            }
        }
        for path in defaults {
            if self.identity(&path).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The key that the spec names: no other is tried. An agent that has it
    /// signs where its file cannot, for want of a passphrase, say; else none is
    /// asked.
    async fn explicit(&mut self, path: &Path) -> Result<bool, LinkError> {
        match self.load(path).await {
            Ok(key) => self.offer(path, key).await,
            Err(error) => match self.by_agent(path).await? {
                Some(accepted) => Ok(accepted),
                None => Err(error),
            },
        }
    }

    /// A key that `ssh_config` names: an agent that has it signs, which spares
    /// its passphrase; else its file does.
    async fn identity(&mut self, path: &Path) -> Result<bool, LinkError> {
        match self.by_agent(path).await? {
            Some(accepted) => Ok(accepted),
            None => self.key_file(path).await,
        }
    }

    /// Offers the key at `path`, its certificates first, by the first agent
    /// that has it; none if none has.
    async fn by_agent(&mut self, path: &Path) -> Result<Option<bool>, LinkError> {
        if !self.hop.credentials.agent_signs {
            return Ok(None);
        }
        let Some(public) = agent::public_half(path).await else {
            return Ok(None);
        };
        let agents = &mut self.asked().await.agents;
        let Some(place) = agents.iter().position(|agent| agent.has(&public)) else {
            return Ok(None);
        };
        let mut agent = agents.remove(place);
        let accepted = self.by_this_agent(path, &public, &mut agent).await;
        self.asked().await.agents.insert(place, agent);
        accepted.map(Some)
    }

    async fn by_this_agent(
        &mut self,
        path: &Path,
        public: &PublicKey,
        agent: &mut Agent,
    ) -> Result<bool, LinkError> {
        let held = agent.take(public);
        let named = &self.hop.credentials.certificates;
        let certificates = certificate::of_key(path, public.key_data(), named).await;
        self.tries
            .note(format!("the key {} by the agent", path.display()));
        let plain = held.iter().find(|held| !is_certificate(held)).cloned();
        if let Some(key) = plain {
            let agent = &mut agent.client;
            let mut signer = AgentSigner { agent, key };
            for certificate in certificates {
                if self.certified(certificate, &mut signer).await? {
                    return Ok(true);
                }
            }
        }
        for identity in held {
            if self.sign_by(agent, identity).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A key file, where there is one.
    async fn key_file(&mut self, path: &Path) -> Result<bool, LinkError> {
        if !tokio::fs::try_exists(path).await.unwrap_or(false) {
            return Ok(false);
        }
        match self.load(path).await {
            Ok(key) => self.offer(path, key).await,
            Err(error) => {
                self.tries.note(schema::Fault::chain(&error));
                if matches!(error, LinkError::PassphraseNeeded { .. }) {
                    self.locked.get_or_insert(error);
                }
                Ok(false)
            }
        }
    }

    async fn load(&self, path: &Path) -> Result<PrivateKey, LinkError> {
        let credentials = &self.hop.credentials;
        let passphrase = credentials.passphrase.clone();
        let owned = path.to_owned();
        let loading = tokio::task::spawn_blocking(move || {
            key_file::load(&owned, passphrase.as_ref().map(schema::Secret::expose))
        });
        let name = path.display().to_string();
        match loading.await {
            Ok(Ok(key)) => Ok(key),
            Ok(Err(KeyFileError::PassphraseNeeded)) if credentials.secret_gone => {
                Err(LinkError::SecretGone {
                    what: format!("passphrase of {name}"),
                })
            }
            Ok(Err(KeyFileError::PassphraseNeeded)) => {
                Err(LinkError::PassphraseNeeded { path: name })
            }
            Ok(Err(source)) => Err(LinkError::KeyFile { path: name, source }),
            Err(panic) => Err(LinkError::Lost(format!("reading {name} failed: {panic}"))),
        }
    }

    /// Offers a key that we have, its certificates first.
    async fn offer(&mut self, path: &Path, key: PrivateKey) -> Result<bool, LinkError> {
        self.tries.note(format!("the key {}", path.display()));
        let public = key.public_key().key_data().clone();
        let named = &self.hop.credentials.certificates;
        let mut signer = FileSigner(key.clone());
        for certificate in certificate::of_key(path, &public, named).await {
            if self.certified(certificate, &mut signer).await? {
                return Ok(true);
            }
        }
        if !self.may_offer(tries::of_key(&public)) {
            return Ok(false);
        }
        let hash = self.hash_for(key.algorithm()).await;
        let key = PrivateKeyWithHashAlg::new(Arc::new(key), hash);
        let answer = self
            .handle
            .authenticate_publickey(self.hop.user.clone(), key)
            .await;
        self.accepted(answer).await
    }

    /// Whether the server still wants keys, and this one is worth a try.
    fn may_offer(&mut self, fingerprint: String) -> bool {
        let has_password = self.hop.credentials.password.is_some()
            && (self.wants("password") || self.wants("keyboard-interactive"));
        self.wants("publickey") && self.tries.may_offer(fingerprint, usize::from(has_password))
    }

    /// The same of a certificate, and the hash to sign with.
    async fn may_offer_certificate(
        &mut self,
        certificate: &Certificate,
    ) -> Option<Option<HashAlg>> {
        let now = u64::try_from(Clock::system().now_ms() / 1000).unwrap_or_default();
        let name = certificate.key_id();
        if let Some(why) = certificate::unusable(certificate, now) {
            self.tries
                .note(format!("(its certificate {} {why})", name.escape_debug()));
            return None;
        }
        let print = tries::of_key(certificate.public_key());
        let by = tries::of_key(certificate.signature_key());
        let serial = certificate.serial();
        if !self.may_offer(format!("{print} {serial} {by}")) {
            return None;
        }
        self.tries
            .note(format!("its certificate {}", name.escape_debug()));
        Some(self.hash_for(certificate.algorithm()).await)
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

    /// The agents, asked when the first of them is needed: one that hangs delays
    /// nobody who has a key of their own.
    async fn asked(&mut self) -> &mut Asked {
        if self.asked.is_none() {
            let credentials = &self.hop.credentials;
            let binding = self.handle.agent_session_binding();
            let named = credentials.agent_socket.as_deref();
            let mut asked = Asked::ask(named, self.agents, binding).await;
            if let Some(words) = asked.silent() {
                self.tries.note(words);
            }
            // A person loads their keys after a login: nothing was refused.
            if credentials.use_agent {
                self.no_agent = asked.missing();
            }
            self.asked = Some(asked);
        }
        self.asked.get_or_insert_default()
    }

    /// What the agent has beside the identities that were named.
    async fn agent_keys(&mut self, agent: &mut Agent) -> Result<bool, LinkError> {
        let count = agent.identities.len();
        let path = agent.path.display();
        self.tries
            .note(format!("{count} keys of the agent at {path}"));
        for identity in agent.identities.clone() {
            if self.sign_by(agent, identity).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn sign_by(&mut self, agent: &mut Agent, held: AgentIdentity) -> Result<bool, LinkError> {
        let user = self.hop.user.clone();
        let client = &mut agent.client;
        let answer = match held {
            AgentIdentity::PublicKey { key, .. } => {
                if !self.may_offer(tries::of_key(key.key_data())) {
                    return Ok(false);
                }
                let hash = self.hash_for(key.algorithm()).await;
                self.handle
                    .authenticate_publickey_with(user, key, hash, client)
                    .await
            }
            AgentIdentity::Certificate { certificate, .. } => {
                return self.certified(certificate, client).await;
            }
        };
        self.signed(answer).await
    }

    /// Offers a certificate, for which `signer` signs.
    async fn certified<S: Signer>(
        &mut self,
        certificate: Certificate,
        signer: &mut S,
    ) -> Result<bool, LinkError>
    where
        S::Error: std::fmt::Display,
    {
        let Some(hash) = self.may_offer_certificate(&certificate).await else {
            return Ok(false);
        };
        let user = self.hop.user.clone();
        let answer = self
            .handle
            .authenticate_certificate_with(user, certificate, hash, signer)
            .await;
        self.signed(answer).await
    }

    /// The same as [`Self::accepted`], of a signer that may not sign.
    async fn signed<E: std::fmt::Display>(
        &mut self,
        answer: Result<AuthResult, E>,
    ) -> Result<bool, LinkError> {
        match answer {
            Ok(result) => self.accepted(Ok(result)).await,
            Err(error) if self.handle.is_closed() => Err(self.cut_off(&error.to_string()).await),
            // It would not sign with this key; it may with the next.
            Err(error) => {
                self.tries.note(format!("(it would not sign: {error})"));
                Ok(false)
            }
        }
    }
}

fn is_certificate(held: &AgentIdentity) -> bool {
    matches!(held, AgentIdentity::Certificate { .. })
}
