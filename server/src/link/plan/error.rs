//! Why a spec makes no plan.

use std::time::Duration;

use crate::link::address::AddressError;
use crate::link::ssh_config::ConfigError;

/// Why a spec makes no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// No address.
    #[error("addresses is empty, and the id `{0}` is no address: {1}")]
    NoAddress(String, #[source] AddressError),
    /// One that cannot be read.
    #[error("addresses has a bad entry: {0}")]
    Address(#[from] AddressError),
    /// A file of the person's that cannot be followed.
    #[error("ssh_config cannot be followed (correct it, or set spec.disable_ssh_config)")]
    Config(#[from] ConfigError),
    /// A jump host of the spec that names no place.
    #[error("an entry of jump_hosts has no addresses")]
    JumpWithoutAddress,
    /// More than a person has, and than memory has room for.
    #[error(
        "there may be {jumps_max} jump_hosts, and {ways_max} ways: the product of their addresses; \
         name fewer"
    )]
    TooManyWays {
        /// Jump hosts of a spec.
        jumps_max: usize,
        /// Ways to its host.
        ways_max: usize,
    },
    /// Jump hosts that lead through each other.
    #[error("the jump hosts of ssh_config lead in a circle, by way of `{0}`")]
    JumpCircle(String),
    /// A defect of this program.
    #[error("making the plan failed: {0}")]
    Defect(String),
    /// A user that could be an option or two words.
    #[error("`{0}` is no user name")]
    User(String),
    /// A program that config.toml does not allow for the host.
    #[error(
        "ssh_config reaches `{host}` by a ProxyCommand, and config.toml does not list that name: a \
         person {line} and runs `remote-shell-mcp daemon restart`"
    )]
    ProxyCommandNotListed {
        /// As it was asked for, as far as it can be shown.
        host: String,
        /// What to write.
        line: String,
    },
    /// A program that is not run. Its text may have a password, so it is not
    /// shown.
    #[error("the ProxyCommand that ssh_config has for `{host}` is not run: {what}")]
    ProxyCommand {
        /// As it was asked for, as far as it can be shown.
        host: String,
        /// Why not.
        what: String,
    },
    /// Neither a fingerprint nor `accept-new`.
    #[error("host_key is \"SHA256:...\" or \"accept-new\", not `{0}`")]
    HostKey(String),
    /// config.toml forbids it.
    #[error("host_key \"accept-new\" is forbidden by config.toml (allow_accept_new)")]
    AcceptNewForbidden,
    /// A length of time that can only be a mistake.
    #[error("{field} is {length:?}, less than a second; write it like \"15s\"")]
    TooShort {
        /// The spec's field.
        field: &'static str,
        /// What it says.
        length: Duration,
    },
    /// In the contract, but not in this version.
    #[error("{0} is not in this version yet")]
    NotYet(&'static str),
}
