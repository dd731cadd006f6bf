//! The harness of the stories: a [`World`] with a home, a real sshd and the
//! real programs, and an [`Agent`] that speaks MCP to the bridge's stdio.

mod world;

mod agent;
mod http;
mod reply;
mod wire;

mod daemon;
mod gate;
mod key_agent;
mod keys;
mod network;
pub mod rogue;
mod security_key;
pub mod services;
mod slow_line;
mod small_disk;
mod sshd;
mod sshd_config;

pub mod folder;
pub mod process;
pub mod programs;
pub mod until;

pub use agent::{Agent, Era};
pub use daemon::Daemon;
pub use gate::Gate;
pub use http::{Exchange, Http};
pub use key_agent::KeyAgent;
pub use keys::Key;
pub use network::Network;
pub use reply::Reply;
pub use security_key::SecurityKey;
pub use slow_line::SlowLine;
pub use small_disk::SmallDisk;
pub use sshd::Sshd;
pub use wire::Pending;
pub use world::World;

#[cfg(test)]
mod harness_tests;
