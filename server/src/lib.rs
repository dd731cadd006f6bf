//! The daemon as a library; `main` only parses and calls it.

pub mod daemon;
pub mod serve;
pub mod tools;
