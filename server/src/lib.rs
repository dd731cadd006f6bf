//! The daemon as a library; `main` only parses and calls it.

pub mod clock;
pub mod daemon;
pub mod files;
pub mod forward;
pub mod job;
pub mod link;
pub mod output;
pub mod serve;
pub mod sessions;
pub mod shell;
pub mod tools;
pub mod words;
