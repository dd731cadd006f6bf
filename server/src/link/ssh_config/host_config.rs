//! What the files say of one host, ready to be followed.

use std::path::PathBuf;
use std::time::Duration;

use super::asked::{Asked, Local};
use super::error::ConfigError;
use super::jump::JumpHost;
use super::read;
use super::settings::{Proxy, Settings, StrictHostKeyChecking};
use super::tokens::Tokens;
use crate::link::address::SSH_PORT;

/// An agent, as `IdentityAgent` and `ForwardAgent` name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AgentName {
    /// The calling client's.
    Clients,
    /// The one at this socket.
    Socket(PathBuf),
    /// None at all.
    None,
}

/// What the files say of one host, every token expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HostConfig {
    /// What to connect to.
    pub(crate) host: String,
    /// As whom.
    pub(crate) user: String,
    /// Where.
    pub(crate) port: u16,
    /// In order; `none` is left out.
    pub(crate) identity_files: Vec<PathBuf>,
    /// At least one `IdentityFile` was there, `none` too.
    pub(crate) names_identities: bool,
    /// Only these identities, whatever an agent has.
    pub(crate) identities_only: bool,
    /// In order.
    pub(crate) certificate_files: Vec<PathBuf>,
    /// Which agent signs.
    pub(crate) identity_agent: Option<AgentName>,
    /// Which agent the host may use.
    pub(crate) forward_agent: AgentName,
    /// How to get there other than by TCP.
    pub(crate) proxy: Proxy,
    /// How `known_hosts` names the host.
    pub(crate) host_key_alias: Option<String>,
    /// Instead of `~/.ssh/known_hosts`.
    pub(crate) user_known_hosts: Option<Vec<PathBuf>>,
    /// Instead of `/etc/ssh/ssh_known_hosts`.
    pub(crate) global_known_hosts: Option<Vec<PathBuf>>,
    /// What is done with a key that is not known.
    pub(crate) strict_host_key_checking: Option<StrictHostKeyChecking>,
    /// Zero is never.
    pub(crate) connect_timeout: Option<Duration>,
    /// Zero is never.
    pub(crate) server_alive_interval: Option<Duration>,
    /// Directives that would have counted and were not honoured, with where:
    /// `ControlMaster (~/.ssh/config:3)`.
    pub(crate) ignored: Vec<String>,
}

impl HostConfig {
    /// Reads the files for one host. Blocking.
    pub(crate) fn read(asked: &Asked<'_>, local: &Local) -> Result<Self, ConfigError> {
        let (settings, host) = read::read(asked, local)?;
        Self::expanded(settings, host, asked, local)
    }

    fn expanded(
        settings: Settings,
        host: String,
        asked: &Asked<'_>,
        local: &Local,
    ) -> Result<Self, ConfigError> {
        let user = settings.user.clone().unwrap_or_else(|| local.user.clone());
        let port = settings.port.unwrap_or(SSH_PORT);
        let last = settings.last_jump();
        if last.is_some_and(|jump| leads_to(jump, &host, port, &user)) {
            return Err(ConfigError::Loop(host));
        }
        let tokens = Tokens {
            home: &local.home,
            host: &host,
            local_uid: local.uid,
            key_alias: settings.host_key_alias.as_deref().unwrap_or(asked.host),
            local_host: &local.host_name,
            host_given: asked.host,
            port,
            user: &user,
            local_user: &local.user,
            jump: last.map(|jump| jump.host.as_str()).unwrap_or_default(),
            variable: local.variable,
        };
        let paths = |keyword, list: &[String]| -> Result<Vec<PathBuf>, ConfigError> {
            let named = list
                .iter()
                .filter(|text| !text.eq_ignore_ascii_case("none"));
            named.map(|text| tokens.path(keyword, text)).collect()
        };
        let listed = |keyword, list: &[String]| -> Result<Option<Vec<PathBuf>>, ConfigError> {
            (!list.is_empty()).then(|| paths(keyword, list)).transpose()
        };
        // Those of the system are paths as they stand, but for `~`.
        let global = settings
            .global_known_hosts
            .iter()
            .map(|text| text.replace('%', "%%"));
        let global = listed("GlobalKnownHostsFile", &global.collect::<Vec<_>>())?;
        let agent = |keyword, text: &str| agent(&tokens, keyword, text);
        let forward = match (settings.forward_agent, &settings.forward_agent_socket) {
            (Some(true), Some(socket)) => agent("ForwardAgent", socket)?,
            (Some(true), None) => AgentName::Clients,
            (Some(false) | None, _) => AgentName::None,
        };
        let identity_agent = settings.identity_agent.as_deref();
        Ok(Self {
            identity_files: paths("IdentityFile", &settings.identity_files)?,
            names_identities: !settings.identity_files.is_empty(),
            identities_only: settings.identities_only.unwrap_or(false),
            certificate_files: paths("CertificateFile", &settings.certificate_files)?,
            identity_agent: identity_agent
                .map(|text| agent("IdentityAgent", text))
                .transpose()?,
            forward_agent: forward,
            proxy: settings.proxy.clone().unwrap_or(Proxy::None),
            user_known_hosts: listed("UserKnownHostsFile", &settings.user_known_hosts)?,
            global_known_hosts: global,
            strict_host_key_checking: settings.strict_host_key_checking,
            connect_timeout: settings.connect_timeout,
            server_alive_interval: settings.server_alive_interval,
            ignored: settings
                .ignored
                .iter()
                .map(|one| format!("{} ({})", one.keyword, one.place))
                .collect(),
            port,
            host_key_alias: settings.host_key_alias,
            host,
            user,
        })
    }
}

/// Whether a jump goes to the very host that is to be reached by it.
fn leads_to(jump: &JumpHost, host: &str, port: u16, user: &str) -> bool {
    let as_user = jump.user.as_deref().is_none_or(|name| name == user);
    jump.host == host && jump.port.unwrap_or(SSH_PORT) == port && as_user
}

/// The agent that `text` names: a path, or a variable, of which only the
/// client's own is known.
fn agent(tokens: &Tokens<'_>, keyword: &'static str, text: &str) -> Result<AgentName, ConfigError> {
    match text {
        "SSH_AUTH_SOCK" | "$SSH_AUTH_SOCK" | "${SSH_AUTH_SOCK}" => Ok(AgentName::Clients),
        _ if text.eq_ignore_ascii_case("none") => Ok(AgentName::None),
        _ => match text.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
            Some(name) => match (tokens.variable)(name) {
                Some(path) => Ok(AgentName::Socket(path.into())),
                None => Ok(AgentName::None),
            },
            None => Ok(AgentName::Socket(tokens.path(keyword, text)?)),
        },
    }
}
