//! The daemon as a library; `main` only parses and calls it.

pub mod clock;
pub mod job;
pub mod link;
pub mod output;
pub mod sessions;
pub mod daemon;
pub mod serve;
pub mod tools;
