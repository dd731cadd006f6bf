//! What each tool does, one file a family.

mod ask;
mod connect;
mod daemon;
mod exec;
mod file;
mod finish;
mod forward;
mod history;
mod hosts;
mod info;
mod job;
mod output;
mod run;
mod shell;
mod typed;
mod waiting;

pub(super) use ask::Ask;
pub(super) use finish::whole;
pub(super) use run::{SERVED, run};
pub(super) use shell::{hides, types_secret};
