//! Answers as text: TOON or JSON, within the caller's limit.

mod cut;
mod fault;
mod shorten;
mod toon;
mod write;

pub(super) use fault::fault;
pub(super) use write::{Limits, answer};
