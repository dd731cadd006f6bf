//! The daemon as a library; `main` only parses and calls it.

pub mod clock;
pub mod daemon;
pub mod job;
pub mod link;
pub mod output;
pub mod serve;
pub mod sessions;
pub mod tools;
