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
mod progress;
mod record;
mod render;
mod reply;
mod tasks;

pub use caller::{Caller, Reach};
pub use desk::{Parts, Tools};
pub use permit::{Mode, Pattern, Rules};
pub use progress::Progress;
pub use reply::Reply;
pub use tasks::{Stage, Task};
