//! The one call path: parse, permit, record the intent, run, record the
//! outcome, render. Every tool call of every transport goes through here.

mod answer;
mod call;
mod caller;
mod desk;
mod families;
mod local_paths;
mod parse;
mod permit;
mod record;
mod render;
mod reply;

pub use caller::{Caller, Progress, Reach};
pub use desk::{Parts, Tools};
pub use permit::{Mode, Pattern, Rules};
pub use reply::Reply;
