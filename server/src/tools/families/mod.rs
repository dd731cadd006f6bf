//! What each tool does, one file a family.

mod ask;
mod connect;
mod daemon;
mod exec;
mod finish;
mod history;
mod hosts;
mod info;
mod job;
mod output;
mod run;

pub(super) use ask::Ask;
pub(super) use finish::whole;
pub(super) use run::{SERVED, run};
