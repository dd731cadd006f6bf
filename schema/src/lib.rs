//! The contract of remote-shell-mcp: what bridge, daemon, storage and tests
//! must agree on. Pure types, no I/O, no runtime.

pub mod control;
pub mod duration;
pub mod fault;
pub mod handle;
pub mod hello;
pub mod id;
pub mod limits;
pub mod nearest;
pub mod place;
pub mod secret;
pub mod spec;
pub mod tools;

pub use duration::GoDuration;
pub use fault::{Code, Fault};
pub use id::Id;
pub use secret::Secret;
