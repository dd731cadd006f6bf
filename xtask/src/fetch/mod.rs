//! What the stories need and a machine may lack, fetched into `target/deps`
//! without installing a service: OpenSSH's server, strace, the official
//! SDKs; and what is installed: shells, and tools for networks.

mod apt;
mod found;
mod installed;
mod node;
mod places;
mod python;
mod ssh;
mod strace;

pub(crate) use found::{Found, Need, gather};
