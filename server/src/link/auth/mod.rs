//! Authentication of one link: which credentials there are, in which order they
//! are offered, and what a server's refusal means.

mod agent;
mod attempt;
mod certificate;
mod key_file;
mod keys;
mod pem;
mod questions;
mod tries;

pub use agent::AgentSockets;
pub(super) use attempt::{Authentication, Ending};
pub(super) use key_file::KeyFileError;
