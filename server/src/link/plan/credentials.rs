//! What to authenticate with, from the spec and from `ssh_config`.

use std::path::{Path, PathBuf};

use schema::spec::Auth;

use super::hop::Credentials;
use crate::link::ssh_config::{AgentName, HostConfig};

/// Identities that ssh(1) tries when none is named, in its order, as far as
/// they are safe.
const DEFAULT_KEYS: [&str; 3] = [".ssh/id_ed25519", ".ssh/id_ecdsa", ".ssh/id_rsa"];

impl Credentials {
    /// What `auth` gives alone; with nothing given, what `config` names.
    pub(super) fn new(
        auth: Option<&Auth>,
        config: &HostConfig,
        secret_gone: bool,
        home: &Path,
    ) -> Self {
        let given = auth.cloned().unwrap_or_default();
        let nothing_given = given.key_path.is_none()
            && given.password.is_none()
            && given.use_agent.is_none()
            && given.agent_socket.is_none()
            && !secret_gone;
        let agent_only = given.use_agent == Some(true) && given.key_path.is_none();
        // Beside a password the named identities count too, as for ssh(1): a
        // server may want both.
        let password_only = given.password.is_some()
            && given.key_path.is_none()
            && given.use_agent.is_none()
            && config.names_identities;
        let identities = if nothing_given || password_only || (agent_only && config.identities_only)
        {
            config.identity_files.clone()
        } else {
            Vec::new()
        };
        // Of an agent alone, they say which of its keys are meant.
        let by_default = nothing_given || (agent_only && config.identities_only);
        let default_keys = if by_default && !config.names_identities {
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
            agent_signs: has_agent && given.use_agent != Some(false),
            certificates: config.certificate_files.clone(),
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
