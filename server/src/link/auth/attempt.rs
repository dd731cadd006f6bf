//! Authentication of one link, in the contract's order: an explicit key goes
//! first and alone; then the identities that `ssh_config` names, agents, default
//! keys, password, keyboard-interactive.

use std::collections::BTreeSet;
use std::time::Duration;

use russh::MethodSet;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::HashAlg;
use tokio_util::sync::CancellationToken;

use super::agent::{AgentSockets, Asked};
use super::questions::{self, Reply};
use super::tries::Tries;
use crate::link::address::Address;
use crate::link::client::{Client, Found};
use crate::link::error::LinkError;
use crate::link::plan::Hop;

/// Rounds of keyboard-interactive questions that are answered; a server that
/// asks more is not asking for a password.
const QUESTION_ROUNDS: usize = 8;

/// Credentials that a server may want one after the other.
const PARTS_MAX: usize = 4;

/// What helps when a server counts tries.
const ADVICE: &str = "; name the right key by key_path, or by IdentityFile with IdentitiesOnly";

/// How long the reason for a link's end may take to arrive after the end.
const REASON_WAIT: Duration = Duration::from_secs(1);

/// Where the end of the link shows.
#[derive(Clone, Copy)]
pub(in crate::link) struct Ending<'a> {
    pub(in crate::link) found: &'a Found,
    pub(in crate::link) closed: &'a CancellationToken,
}

/// One attempt to authenticate, and what it learned on the way.
pub(in crate::link) struct Authentication<'a> {
    pub(super) handle: &'a mut Handle<Client>,
    ending: Ending<'a>,
    pub(super) hop: &'a Hop,
    address: &'a Address,
    pub(super) agents: &'a AgentSockets,
    pub(super) tries: Tries,
    /// Credentials that it took, wanting more (RFC 4252 section 5.1).
    partial: usize,
    accepts: BTreeSet<&'static str>,
    /// What the agents answered, once they were asked.
    pub(super) asked: Option<Asked>,
    pub(super) no_agent: Option<LinkError>,
    /// A key file that was not tried, for want of its passphrase.
    pub(super) locked: Option<LinkError>,
    /// The password was taken as one of several proofs.
    password_taken: bool,
    pub(super) rsa_hash: Option<HashAlg>,
}

impl<'a> Authentication<'a> {
    pub(in crate::link) fn new(
        handle: &'a mut Handle<Client>,
        ending: Ending<'a>,
        hop: &'a Hop,
        address: &'a Address,
        agents: &'a AgentSockets,
    ) -> Self {
        Self {
            handle,
            ending,
            hop,
            address,
            agents,
            tries: Tries::default(),
            partial: 0,
            accepts: BTreeSet::new(),
            asked: None,
            no_agent: None,
            locked: None,
            password_taken: false,
            rsa_hash: None,
        }
    }

    /// Tries everything there is until the server is content.
    pub(in crate::link) async fn run(mut self) -> Result<(), LinkError> {
        let none = self.handle.authenticate_none(self.hop.user.clone()).await;
        if self.accepted(none).await? {
            return Ok(());
        }
        self.tries.forget_refusals(); // Nothing was offered yet.
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

    async fn passwords(&mut self) -> Result<bool, LinkError> {
        let credentials = &self.hop.credentials;
        let Some(password) = credentials.password.clone() else {
            if credentials.secret_gone && self.tries.is_empty() {
                return Err(LinkError::SecretGone {
                    what: "password".into(),
                });
            }
            return Ok(false);
        };
        // A password that was refused once is not sent the same way again.
        if self.wants("password") && self.tries.may_send("the password") {
            let user = self.hop.user.clone();
            let parts = self.partial;
            let answer = self
                .handle
                .authenticate_password(user, password.expose())
                .await;
            if self.accepted(answer).await? {
                return Ok(true);
            }
            self.note_password(parts);
        }
        let way = "the password for keyboard-interactive";
        if self.wants("keyboard-interactive") && (self.tries.may_send(way) || self.password_taken) {
            return self.questions(password.expose()).await;
        }
        Ok(false)
    }

    /// Notes what became of the password that was sent when the server had taken
    /// as many `parts`.
    fn note_password(&mut self, parts: usize) {
        if self.partial > parts {
            self.password_taken = true;
        } else {
            self.tries.password_refused();
        }
    }

    /// Answers the question for the password; any other is for a person, and so
    /// is every one once the password was taken as a part.
    async fn questions(&mut self, password: &str) -> Result<bool, LinkError> {
        let user = self.hop.user.clone();
        let mut step = self
            .handle
            .authenticate_keyboard_interactive_start(user, None::<String>)
            .await;
        let parts = self.partial;
        let mut given = self.password_taken;
        for _ in 0..QUESTION_ROUNDS {
            let answer = match step {
                Ok(answer) => answer,
                Err(error) => return Err(self.cut_off(&schema::Fault::chain(&error)).await),
            };
            let prompts = match answer {
                KeyboardInteractiveAuthResponse::Success => return Ok(true),
                KeyboardInteractiveAuthResponse::Failure {
                    remaining_methods,
                    partial_success,
                } => {
                    let judged = self.judged(&remaining_methods, partial_success).await;
                    if given && !self.password_taken {
                        self.note_password(parts);
                    }
                    return judged;
                }
                KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => prompts,
            };
            let answers = match questions::reply(&prompts, given) {
                Reply::Person(question) => {
                    return Err(LinkError::AsksPerson {
                        user: self.hop.user.clone(),
                        address: self.address.clone(),
                        question,
                    });
                }
                Reply::Nothing => Vec::new(),
                Reply::Password => vec![password.to_owned()],
            };
            given |= !answers.is_empty();
            step = self
                .handle
                .authenticate_keyboard_interactive_respond(answers)
                .await;
        }
        Ok(false)
    }

    /// Whether the server is content, remembering what else it would take.
    pub(super) async fn accepted(
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
            self.tries
                .note(format!("(which it took, and wants {more} as well)"));
        } else {
            self.tries.refused();
        }
        Ok(false)
    }

    /// The link ended while authenticating. Where the server says that there
    /// were too many tries, or a password was refused before, it was a refusal:
    /// dialling again would only count as more of them (FAULTS 30). A key that
    /// was refused says nothing: that happens on the way to most good logins.
    pub(super) async fn cut_off(&mut self, otherwise: &str) -> LinkError {
        let waited = tokio::time::timeout(REASON_WAIT, self.ending.closed.cancelled()).await;
        let reason = match (waited, self.ending.found.ended.get()) {
            (Ok(()), Some(reason)) => reason.clone(),
            _ => otherwise.to_owned(),
        };
        let too_many = reason.to_lowercase().contains("too many authentication");
        if !too_many && !self.tries.refused_password() {
            return LinkError::Lost(format!("while authenticating: {reason}"));
        }
        let advice = if too_many { ADVICE } else { "" };
        self.tries.note(format!("(then: {reason}{advice})"));
        LinkError::AuthRefused {
            user: self.hop.user.clone(),
            address: self.address.clone(),
            tried: self.tries.in_words(),
            accepts: self.accepted_methods(),
        }
    }

    fn accepted_methods(&self) -> String {
        self.accepts.iter().copied().collect::<Vec<_>>().join(", ")
    }

    pub(super) fn wants(&self, method: &str) -> bool {
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
        if self.tries.refusals() > 0 || self.partial > 0 {
            return LinkError::AuthRefused {
                user,
                address,
                tried: self.tries.in_words(),
                accepts,
            };
        }
        // The server looked at nothing: what is missing is on our side. An agent
        // may yet come by itself, after a login, with a locked key's other half.
        if let Some(missing) = self.no_agent.or(self.locked) {
            return missing;
        }
        let looked = if self.tries.is_empty() {
            "no key file, agent or password fits".to_owned()
        } else {
            self.tries.in_words()
        };
        LinkError::NoCredential {
            user,
            address,
            looked: format!("{looked}; the server accepts {accepts}"),
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
