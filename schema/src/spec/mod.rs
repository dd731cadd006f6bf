//! Specs: what a caller asked to have, and what comes back after a restart.

mod docker;
mod forward;
mod ssh;

pub use docker::DockerSpec;
pub use forward::{ForwardKind, ForwardSpec};
pub use ssh::{Auth, JumpHost, SshSpec};
