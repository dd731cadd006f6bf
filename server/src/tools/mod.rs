//! The one call path: every tool call of every transport goes through here.

mod caller;
mod reply;
#[expect(clippy::module_inception, reason = "to be replaced")]
mod tools;

pub use caller::{Caller, Progress, Reach};
pub use reply::Reply;
pub use tools::Tools;
