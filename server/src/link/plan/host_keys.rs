//! Where a host's key is looked up, and what is allowed of an unknown one.

use std::path::PathBuf;

use schema::spec::SshSpec;

use super::error::PlanError;
use super::hop::Surroundings;
use crate::link::known_hosts::{AcceptedKeys, KnownHostsFiles, Policy};
use crate::link::ssh_config::{HostConfig, StrictHostKeyChecking};

/// The files that `spec` names, else those of `config`, else ssh's, and our own.
pub(super) fn files(spec: &SshSpec, config: &HostConfig, around: &Surroundings) -> KnownHostsFiles {
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
        accepted: AcceptedKeys {
            path: around.accepted_keys.clone(),
            beside: spec.known_hosts_path.as_ref().map(PathBuf::from),
        },
    }
}

/// What `spec` allows of an unknown host; where it is silent, `config`.
pub(super) fn policy(
    spec: &SshSpec,
    config: &HostConfig,
    around: &Surroundings,
) -> Result<Policy, PlanError> {
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
