//! The tools: what each takes and returns, one file a family.
//!
//! Inputs are read from a caller's arguments; serialised they are safe to
//! keep, for passwords are [`crate::Secret`]. Ids that the caller chose are
//! [`crate::Id`]; times are RFC 3339 UTC; a `*_ms` of 0 or less is the default.
//! Rows are flat records of scalars with every field present: an empty string
//! or 0 stands for "none". A doc comment speaks to us; what a client reads
//! about an argument stands in `#[schemars(extend("hint" = "..."))]`, and only
//! where name and type do not say it.

pub mod daemon;
pub mod docker;
pub mod exec;
pub mod file;
pub mod forward;
pub mod history;
pub mod job;
mod mode;
pub mod session;
pub mod shell;
mod words;

pub mod aliases;
pub mod input_schema;
pub mod instructions;
pub mod listing;
pub mod table;
mod tool;

pub use instructions::INSTRUCTIONS;
pub use tool::Tool;
