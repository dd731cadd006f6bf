//! What is typed into a shell to know when its lines end: a question what shell
//! it is, and the hook for that one.

mod keys;
mod kind;

pub use keys::Unrunnable;
pub(super) use keys::{arm, line};
pub(super) use kind::{Kind, fresh_id, install, probe};
