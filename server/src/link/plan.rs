//! What a spec means: the plan that a dial follows, with every default
//! filled in. Nothing below reads the environment.

use std::path::PathBuf;
use std::time::Duration;

use schema::Secret;
use schema::spec::{Auth, SshSpec};

use super::address::Address;
use super::known_hosts::{KnownHostsFiles, Policy};
use super::plan_error::PlanError;

/// A dial's limit when the spec names none.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// The keepalive when the spec names none.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Keepalives that may go unanswered before a link is gone.
pub(super) const KEEPALIVES_MISSED: u32 = 3;

/// Identities that ssh(1) tries when none is named, in its order, as far as
/// they are safe.
const DEFAULT_KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

/// What a plan takes from around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The daemon's user's home.
    pub home: PathBuf,
    /// Who that is; the user when the spec names none.
    pub user: String,
    /// Our own file of accepted host keys.
    pub accepted_keys: PathBuf,
    /// Whether `host_key: "accept-new"` is allowed.
    pub allow_accept_new: bool,
}

/// How to reach one host.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The remote user.
    pub user: String,
    /// Tried in order.
    pub addresses: Vec<Address>,
    /// What to authenticate with.
    pub credentials: Credentials,
    /// Where host keys are looked up.
    pub known_hosts: KnownHostsFiles,
    /// What the caller allows of an unknown host.
    pub policy: Policy,
    /// Per address, handshake and authentication included.
    pub timeout: Duration,
    /// None: never.
    pub keepalive: Option<Duration>,
    /// Written beside an accepted host key: when and by whom.
    pub note: String,
}

/// What to authenticate with, in the order that `auth.rs` tries it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// An explicit key file: goes first, and no other key is tried.
    pub key: Option<PathBuf>,
    /// For encrypted key files.
    pub passphrase: Option<Secret>,
    /// Whether keys of an agent are tried.
    pub use_agent: bool,
    /// An agent that comes before every other.
    pub agent_socket: Option<PathBuf>,
    /// Files that are tried when they exist.
    pub default_keys: Vec<PathBuf>,
    /// Answered to password and keyboard-interactive.
    pub password: Option<Secret>,
    /// The spec had a password or passphrase inline, and it is no longer known.
    pub secret_gone: bool,
}

impl Plan {
    /// What `spec` means for the session `id`. Paths in it are absolute.
    pub fn new(
        id: &str,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: String,
    ) -> Result<Self, PlanError> {
        refuse_what_comes_later(spec)?;
        let user = spec.user.clone().unwrap_or_else(|| around.user.clone());
        if user.is_empty() || user.starts_with('-') || user.contains(char::is_control) {
            return Err(PlanError::User(user));
        }
        let keepalive = spec.keepalive.map_or(KEEPALIVE, |given| given.0);
        let timeout = spec.timeout.filter(|given| !given.0.is_zero());
        let timeout = timeout.map_or(DIAL_TIMEOUT, |given| given.0);
        for (field, length) in [("keepalive", keepalive), ("timeout", timeout)] {
            if !length.is_zero() && length < Duration::from_secs(1) {
                return Err(PlanError::TooShort { field, length });
            }
        }
        Ok(Self {
            user,
            addresses: addresses(id, spec)?,
            credentials: Credentials::new(spec.auth.as_ref(), secret_gone, around),
            known_hosts: files(spec, around),
            policy: policy(spec, around)?,
            timeout,
            keepalive: (!keepalive.is_zero()).then_some(keepalive),
            note,
        })
    }
}

fn refuse_what_comes_later(spec: &SshSpec) -> Result<(), PlanError> {
    if !spec.jump_hosts.is_empty() {
        return Err(PlanError::NotYet("spec.jump_hosts"));
    }
    if spec.forward_agent {
        return Err(PlanError::NotYet("spec.forward_agent"));
    }
    if spec.auth.as_ref().is_some_and(|auth| auth.secret.is_some()) {
        return Err(PlanError::NotYet("spec.auth.secret"));
    }
    Ok(())
}

fn addresses(id: &str, spec: &SshSpec) -> Result<Vec<Address>, PlanError> {
    if spec.addresses.is_empty() {
        let address = id
            .parse()
            .map_err(|error| PlanError::NoAddress(id.to_owned(), error))?;
        return Ok(vec![address]);
    }
    Ok(spec
        .addresses
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?)
}

fn files(spec: &SshSpec, around: &Surroundings) -> KnownHostsFiles {
    let read = match &spec.known_hosts_path {
        Some(path) => vec![PathBuf::from(path)],
        None => vec![
            around.home.join(".ssh/known_hosts"),
            around.home.join(".ssh/known_hosts2"),
            PathBuf::from("/etc/ssh/ssh_known_hosts"),
            PathBuf::from("/etc/ssh/ssh_known_hosts2"),
        ],
    };
    KnownHostsFiles {
        read,
        accepted: around.accepted_keys.clone(),
    }
}

fn policy(spec: &SshSpec, around: &Surroundings) -> Result<Policy, PlanError> {
    match spec.host_key.as_deref() {
        _ if spec.insecure => Ok(Policy::Unchecked),
        None => Ok(Policy::Strict),
        Some("accept-new") if around.allow_accept_new => Ok(Policy::AcceptNew),
        Some("accept-new") => Err(PlanError::AcceptNewForbidden),
        Some(print) if print.starts_with("SHA256:") => {
            Ok(Policy::Fingerprint(print.trim_end_matches('=').to_owned()))
        }
        Some(other) => Err(PlanError::HostKey(other.to_owned())),
    }
}

impl Credentials {
    fn new(auth: Option<&Auth>, secret_gone: bool, around: &Surroundings) -> Self {
        let given = auth.cloned().unwrap_or_default();
        let nothing_given = given.key_path.is_none()
            && given.password.is_none()
            && given.use_agent.is_none()
            && given.agent_socket.is_none()
            && !secret_gone;
        let default_keys = if nothing_given {
            DEFAULT_KEYS
                .iter()
                .map(|name| around.home.join(name))
                .collect()
        } else {
            Vec::new()
        };
        let wants_agent = given
            .use_agent
            .unwrap_or(nothing_given || given.agent_socket.is_some());
        Self {
            use_agent: wants_agent && given.key_path.is_none(),
            key: given.key_path.map(PathBuf::from),
            passphrase: given.key_passphrase,
            agent_socket: given.agent_socket.map(PathBuf::from),
            default_keys,
            password: given.password,
            secret_gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn around() -> Surroundings {
        Surroundings {
            home: "/home/ann".into(),
            user: "ann".into(),
            accepted_keys: "/c/known_hosts".into(),
            allow_accept_new: true,
        }
    }

    fn plan(json: &str) -> Result<Plan, PlanError> {
        let spec: SshSpec = serde_json::from_str(json).unwrap();
        Plan::new("web", &spec, false, &around(), String::new())
    }

    #[test]
    fn an_empty_spec_is_the_id_as_host_with_agent_and_default_keys() {
        let plan = plan("{}").unwrap();
        assert_eq!(plan.addresses[0].to_string(), "web:22");
        assert_eq!(plan.user, "ann");
        assert!(plan.credentials.use_agent);
        assert_eq!(plan.credentials.default_keys.len(), 3);
        assert_eq!(plan.policy, Policy::Strict);
        assert_eq!(plan.keepalive, Some(KEEPALIVE));
    }

    #[test]
    fn an_explicit_key_goes_alone() {
        let plan = plan(r#"{"auth":{"key_path":"/k","use_agent":true}}"#).unwrap();
        assert!(!plan.credentials.use_agent);
        assert!(plan.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_password_alone_tries_no_key() {
        let plan = plan(r#"{"auth":{"password":"p"}}"#).unwrap();
        assert!(!plan.credentials.use_agent && plan.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_bad_spec_names_the_field() {
        for (json, word) in [
            (r#"{"addresses":["-x"]}"#, "addresses"),
            (r#"{"user":"-l"}"#, "user name"),
            (r#"{"host_key":"md5:x"}"#, "host_key"),
            (r#"{"jump_hosts":[{"addresses":["b"]}]}"#, "jump_hosts"),
        ] {
            let error = plan(json).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn keepalive_zero_is_off() {
        assert_eq!(plan(r#"{"keepalive":"0s"}"#).unwrap().keepalive, None);
    }
}
