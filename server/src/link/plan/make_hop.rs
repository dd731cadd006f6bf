//! Making one way: what the spec and `ssh_config` say of one host, with every
//! default filled in.

use std::time::Duration;

use schema::spec::SshSpec;

use super::error::PlanError;
use super::hop::{Credentials, Hop, Surroundings, Through};
use super::host_keys;
use crate::link::address::Address;
use crate::link::known_hosts::KnownAs;
use crate::link::ssh_config::{AgentName, HostConfig, StrictHostKeyChecking};

/// A dial's limit when the spec names none.
const DIAL_TIMEOUT: Duration = Duration::from_secs(15);

/// The keepalive when the spec names none.
const KEEPALIVE: Duration = Duration::from_secs(15);

impl Hop {
    /// The way to the host of `config`, with nothing between yet; what `spec`
    /// says wins.
    pub(super) fn new(
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
        ignored.extend(not_yet(config));
        Ok(Self {
            known_as: KnownAs::new(&address, config.host_key_alias.as_deref()),
            credentials: Credentials::new(
                spec.auth.as_ref(),
                config,
                secret_gone,
                &around.local.home,
            ),
            known_hosts: host_keys::files(spec, config, around),
            policy: host_keys::policy(spec, config, around)?,
            timeout: timeout.or(configured).unwrap_or(DIAL_TIMEOUT),
            keepalive: (!keepalive.is_zero()).then_some(keepalive),
            note: note.to_owned(),
            forward_agent: match &config.forward_agent {
                AgentName::None if spec.forward_agent => AgentName::Clients,
                configured => configured.clone(),
            },
            user,
            address,
            ignored,
            through: Through::Nothing,
        })
    }
}

/// Directives that this version reads and does not follow.
fn not_yet(config: &HostConfig) -> Vec<String> {
    let mut named = Vec::new();
    if config.strict_host_key_checking == Some(StrictHostKeyChecking::No) {
        named
            .push("StrictHostKeyChecking no (taken as accept-new: a changed key stops)".to_owned());
    }
    named
}
