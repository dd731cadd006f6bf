//! What a person's configuration files say of a host: our own reader of
//! OpenSSH's `ssh_config(5)`, which runs nothing. `read.rs` walks the files,
//! `directive.rs` and `condition.rs` read lines, `tokens.rs` expands, and
//! `host_config.rs` is what comes out.

#[cfg(test)]
mod against_ssh;
mod aliases;
mod asked;
mod condition;
mod directive;
mod error;
#[cfg(test)]
mod generated;
mod host_config;
mod jump;
mod line;
mod read;
mod settings;
mod tokens;

pub use aliases::{HostAlias, aliases, hosts_behind};
pub(super) use asked::Asked;
pub use asked::{Local, Source};
pub use error::ConfigError;
pub(super) use host_config::{AgentName, HostConfig};
pub(super) use jump::JumpHost;
pub(super) use settings::{Proxy, StrictHostKeyChecking};
