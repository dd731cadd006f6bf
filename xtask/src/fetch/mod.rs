//! What the stories need and a machine may lack, fetched into `target/deps`
//! without installing a service: OpenSSH's server, strace, the official
//! SDKs.

mod apt;
mod found;
mod node;
mod places;
mod python;
mod ssh;
mod strace;

pub(crate) use found::{Found, Need, gather};
