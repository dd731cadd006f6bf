//! What a spec means: the plan that a dial follows, with every default
//! filled in, from the spec and from `ssh_config`. Nothing below reads the
//! environment.

use std::path::{Path, PathBuf};
use std::time::Duration;

use schema::Secret;
use schema::spec::{Auth, SshSpec};

use super::address::{Address, Written};
use super::known_hosts::{KnownHostsFiles, Policy, host_entry};
use super::plan_error::PlanError;
use super::ssh_config::{AgentName, Asked, HostConfig, Local, Proxy, StrictHostKeyChecking};

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
    /// The daemon's user, their home, and their `ssh_config`.
    pub local: Local,
    /// Our own file of accepted host keys.
    pub accepted_keys: PathBuf,
    /// Whether `host_key: "accept-new"` is allowed.
    pub allow_accept_new: bool,
}

/// How to reach one session's host: the ways there, tried in order.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One for each address that the spec names.
    pub hops: Vec<Hop>,
}

/// One way to the host.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The remote user.
    pub user: String,
    /// Where.
    pub address: Address,
    /// How `known_hosts` names the host.
    pub known_as: String,
    /// What to authenticate with.
    pub credentials: Credentials,
    /// Where host keys are looked up.
    pub known_hosts: KnownHostsFiles,
    /// What is allowed of an unknown host.
    pub policy: Policy,
    /// For all of it, handshake and authentication included.
    pub timeout: Duration,
    /// None: never.
    pub keepalive: Option<Duration>,
    /// Written beside an accepted host key: when and by whom.
    pub note: String,
    /// Directives of `ssh_config` that were not honoured, with where.
    pub ignored: Vec<String>,
}

/// What to authenticate with, in the order that `auth.rs` tries it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// An explicit key file: goes first, and no other key is tried.
    pub key: Option<PathBuf>,
    /// For encrypted key files.
    pub passphrase: Option<Secret>,
    /// Keys that `ssh_config` names, private or public files; an agent that has
    /// one of them signs with it.
    pub identities: Vec<PathBuf>,
    /// Whether keys of an agent are tried.
    pub use_agent: bool,
    /// Only those that are among `identities`.
    pub identities_only: bool,
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
    /// What `spec` means for the session `id`, beside the `ssh_config` of this
    /// moment. Paths in the spec are absolute.
    pub async fn new(
        id: &str,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: String,
    ) -> Result<Self, PlanError> {
        let (id, spec, around) = (id.to_owned(), spec.clone(), around.clone());
        let making = tokio::task::spawn_blocking(move || {
            Self::make(&id, &spec, secret_gone, &around, &note)
        });
        match making.await {
            Ok(plan) => plan,
            Err(panic) => Err(PlanError::Defect(panic.to_string())),
        }
    }

    fn make(
        id: &str,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: &str,
    ) -> Result<Self, PlanError> {
        refuse_what_comes_later(spec)?;
        let mut hops = Vec::new();
        for place in places(id, spec)? {
            let config = configured(&place, spec, around)?;
            hops.push(Hop::new(&config, spec, secret_gone, around, note)?);
        }
        Ok(Self { hops })
    }
}

impl Hop {
    fn new(
        config: &HostConfig,
        spec: &SshSpec,
        secret_gone: bool,
        around: &Surroundings,
        note: &str,
    ) -> Result<Self, PlanError> {
        let user = config.user.clone();
        if user.is_empty() || user.starts_with('-') || user.contains(char::is_control) {
            return Err(PlanError::User(user));
        }
        let address = Address::new(&config.host, config.port)?;
        for (field, given) in [("keepalive", spec.keepalive), ("timeout", spec.timeout)] {
            if let Some(length) = given.map(|given| given.0)
                && !length.is_zero()
                && length < Duration::from_secs(1)
            {
                return Err(PlanError::TooShort { field, length });
            }
        }
        let keepalive = spec.keepalive.map(|given| given.0);
        let keepalive = keepalive
            .or(config.server_alive_interval)
            .unwrap_or(KEEPALIVE);
        let timeout = spec
            .timeout
            .map(|given| given.0)
            .filter(|given| !given.is_zero());
        let configured = config.connect_timeout.filter(|given| !given.is_zero());
        let mut ignored = config.ignored.clone();
        ignored.extend(not_yet(config)?);
        Ok(Self {
            known_as: config
                .host_key_alias
                .clone()
                .unwrap_or_else(|| host_entry(&address)),
            credentials: Credentials::new(
                spec.auth.as_ref(),
                config,
                secret_gone,
                &around.local.home,
            ),
            known_hosts: files(spec, config, around),
            policy: policy(spec, config, around)?,
            timeout: timeout.or(configured).unwrap_or(DIAL_TIMEOUT),
            keepalive: (!keepalive.is_zero()).then_some(keepalive),
            note: note.to_owned(),
            user,
            address,
            ignored,
        })
    }
}

/// What the files say of one place; without them what is given alone.
fn configured(
    place: &Written,
    spec: &SshSpec,
    around: &Surroundings,
) -> Result<HostConfig, PlanError> {
    let asked = Asked {
        host: &place.host,
        user: spec.user.as_deref(),
        port: place.port,
    };
    let mut local = around.local.clone();
    if spec.disable_ssh_config {
        local.files.clear();
    }
    Ok(HostConfig::read(&asked, &local)?)
}

/// Directives that this version reads and does not follow: named, or refused
/// where the host cannot be reached as it was meant.
fn not_yet(config: &HostConfig) -> Result<Vec<String>, PlanError> {
    match &config.proxy {
        Proxy::Jump(_) => return Err(PlanError::NotYet("ProxyJump of ssh_config")),
        Proxy::Command(_) => return Err(PlanError::NotYet("ProxyCommand of ssh_config")),
        Proxy::None => {}
    }
    let mut named = Vec::new();
    if !config.certificate_files.is_empty() {
        named.push("CertificateFile".to_owned());
    }
    if config.forward_agent != AgentName::None {
        named.push("ForwardAgent".to_owned());
    }
    if config.strict_host_key_checking == Some(StrictHostKeyChecking::No) {
        named
            .push("StrictHostKeyChecking no (taken as accept-new: a changed key stops)".to_owned());
    }
    Ok(named)
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

fn places(id: &str, spec: &SshSpec) -> Result<Vec<Written>, PlanError> {
    if spec.addresses.is_empty() {
        let place = id
            .parse()
            .map_err(|error| PlanError::NoAddress(id.to_owned(), error))?;
        return Ok(vec![place]);
    }
    Ok(spec
        .addresses
        .iter()
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?)
}

fn files(spec: &SshSpec, config: &HostConfig, around: &Surroundings) -> KnownHostsFiles {
    let home = &around.local.home;
    let users = || {
        vec![
            home.join(".ssh/known_hosts"),
            home.join(".ssh/known_hosts2"),
        ]
    };
    let systems = || {
        ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
            .map(PathBuf::from)
            .to_vec()
    };
    let read = if let Some(path) = &spec.known_hosts_path {
        vec![PathBuf::from(path)]
    } else {
        let mut read = config.user_known_hosts.clone().unwrap_or_else(users);
        read.extend(config.global_known_hosts.clone().unwrap_or_else(systems));
        read
    };
    KnownHostsFiles {
        read,
        accepted: around.accepted_keys.clone(),
    }
}

fn policy(spec: &SshSpec, config: &HostConfig, around: &Surroundings) -> Result<Policy, PlanError> {
    match spec.host_key.as_deref() {
        _ if spec.insecure => Ok(Policy::Unchecked),
        None => Ok(match config.strict_host_key_checking {
            Some(StrictHostKeyChecking::AcceptNew | StrictHostKeyChecking::No)
                if around.allow_accept_new =>
            {
                Policy::AcceptNew
            }
            _ => Policy::Strict,
        }),
        Some("accept-new") if around.allow_accept_new => Ok(Policy::AcceptNew),
        Some("accept-new") => Err(PlanError::AcceptNewForbidden),
        Some(print) if print.starts_with("SHA256:") => {
            Ok(Policy::Fingerprint(print.trim_end_matches('=').to_owned()))
        }
        Some(other) => Err(PlanError::HostKey(other.to_owned())),
    }
}

impl Credentials {
    fn new(auth: Option<&Auth>, config: &HostConfig, secret_gone: bool, home: &Path) -> Self {
        let given = auth.cloned().unwrap_or_default();
        let nothing_given = given.key_path.is_none()
            && given.password.is_none()
            && given.use_agent.is_none()
            && given.agent_socket.is_none()
            && !secret_gone;
        let agent_only = given.use_agent == Some(true) && given.key_path.is_none();
        let identities = if nothing_given || (agent_only && config.identities_only) {
            config.identity_files.clone()
        } else {
            Vec::new()
        };
        let default_keys = if nothing_given && !config.names_identities {
            DEFAULT_KEYS.iter().map(|name| home.join(name)).collect()
        } else {
            Vec::new()
        };
        let configured = match &config.identity_agent {
            Some(AgentName::Socket(path)) => Some(path.clone()),
            Some(AgentName::Clients | AgentName::None) | None => None,
        };
        let has_agent = config.identity_agent != Some(AgentName::None);
        let wants_agent = given
            .use_agent
            .unwrap_or((nothing_given && has_agent) || given.agent_socket.is_some());
        Self {
            use_agent: wants_agent && given.key_path.is_none(),
            identities_only: config.identities_only,
            identities,
            key: given.key_path.map(PathBuf::from),
            passphrase: given.key_passphrase,
            agent_socket: given.agent_socket.map(PathBuf::from).or(configured),
            default_keys,
            password: given.password,
            secret_gone,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::ssh_config::Source;

    fn around() -> Surroundings {
        Surroundings {
            local: Local::bare(Path::new("/home/ann")),
            accepted_keys: "/c/known_hosts".into(),
            allow_accept_new: true,
        }
    }

    /// The first way of the plan that a spec makes beside an `ssh_config`.
    fn beside(config: &str, json: &str) -> Result<Hop, PlanError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), config).unwrap();
        let mut around = around();
        around.local.files.push(Source {
            path: file.path().to_owned(),
            is_user: true,
            is_checked: true,
        });
        let spec: SshSpec = serde_json::from_str(json).unwrap();
        let plan = Plan::make("web", &spec, false, &around, "")?;
        Ok(plan.hops.into_iter().next().unwrap())
    }

    fn hop(json: &str) -> Result<Hop, PlanError> {
        beside("", json)
    }

    #[test]
    fn an_empty_spec_is_the_id_as_host_with_agent_and_default_keys() {
        let hop = hop("{}").unwrap();
        assert_eq!(hop.address.to_string(), "web:22");
        assert_eq!(hop.user, "ann");
        assert!(hop.credentials.use_agent);
        assert_eq!(hop.credentials.default_keys.len(), 3);
        assert_eq!(hop.policy, Policy::Strict);
        assert_eq!(hop.keepalive, Some(KEEPALIVE));
        assert_eq!(hop.known_as, "web");
    }

    #[test]
    fn ssh_config_gives_what_the_spec_leaves_out() {
        let config = "Host web\n HostName 10.0.0.1\n Port 2222\n User deploy\n\
                      IdentityFile ~/.ssh/%r\n IdentitiesOnly yes\n HostKeyAlias webkey\n\
                      UserKnownHostsFile /kh\n StrictHostKeyChecking accept-new\n\
                      ConnectTimeout 3\n ServerAliveInterval 0\n ControlMaster auto\n";
        let hop = beside(config, "{}").unwrap();
        assert_eq!(hop.address.to_string(), "10.0.0.1:2222");
        assert_eq!(
            (hop.user.as_str(), hop.known_as.as_str()),
            ("deploy", "webkey")
        );
        let credentials = &hop.credentials;
        assert_eq!(credentials.identities, [Path::new("/home/ann/.ssh/deploy")]);
        assert!(credentials.identities_only && credentials.default_keys.is_empty());
        assert_eq!(hop.known_hosts.read[0], Path::new("/kh"));
        assert_eq!(hop.policy, Policy::AcceptNew);
        assert_eq!((hop.timeout.as_secs(), hop.keepalive), (3, None));
        assert_eq!(hop.ignored.len(), 1);
        assert!(
            hop.ignored[0].starts_with("ControlMaster ("),
            "{:?}",
            hop.ignored
        );
    }

    #[test]
    fn the_spec_wins_over_ssh_config() {
        let config = "Host *\n HostName 10.0.0.1\n Port 2222\n User deploy\n\
                      ConnectTimeout 3\n StrictHostKeyChecking no\n";
        let json = r#"{"user":"eve","addresses":["db:22"],"timeout":"9s","insecure":true,
                       "auth":{"password":"p"},"keepalive":"7s"}"#;
        let hop = beside(config, json).unwrap();
        assert_eq!(hop.address.to_string(), "10.0.0.1:22");
        assert_eq!(hop.user, "eve");
        assert_eq!(hop.timeout.as_secs(), 9);
        assert_eq!(hop.keepalive, Some(Duration::from_secs(7)));
        assert_eq!(hop.policy, Policy::Unchecked);
        assert!(hop.credentials.identities.is_empty());
        let alone = beside(config, r#"{"disable_ssh_config":true}"#).unwrap();
        assert_eq!(alone.address.to_string(), "web:22");
    }

    #[test]
    fn a_way_that_is_not_followed_yet_is_refused_rather_than_left_out() {
        for config in ["ProxyJump bastion", "ProxyCommand nc %h %p"] {
            let said = beside(config, "{}").unwrap_err().to_string();
            assert!(said.contains("Proxy"), "{said}");
        }
    }

    #[test]
    fn an_explicit_key_goes_alone() {
        let hop = hop(r#"{"auth":{"key_path":"/k","use_agent":true}}"#).unwrap();
        assert!(!hop.credentials.use_agent);
        assert!(hop.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_password_alone_tries_no_key() {
        let hop = hop(r#"{"auth":{"password":"p"}}"#).unwrap();
        assert!(!hop.credentials.use_agent && hop.credentials.default_keys.is_empty());
    }

    #[test]
    fn a_bad_spec_names_the_field() {
        for (json, word) in [
            (r#"{"addresses":["-x"]}"#, "addresses"),
            (r#"{"user":"-l"}"#, "user name"),
            (r#"{"host_key":"md5:x"}"#, "host_key"),
            (r#"{"jump_hosts":[{"addresses":["b"]}]}"#, "jump_hosts"),
        ] {
            let error = hop(json).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn keepalive_zero_is_off() {
        assert_eq!(hop(r#"{"keepalive":"0s"}"#).unwrap().keepalive, None);
    }
}
