//! The one call path: every tool call of every transport goes through here.

mod caller;
mod reply;

pub use caller::{Caller, Progress, Reach};
pub use reply::Reply;
