//! The table of tools: one row each, by family.

mod row;

pub(super) mod daemon;
pub(super) mod docker;
pub(super) mod file;
pub(super) mod forward;
pub(super) mod history;
pub(super) mod image;
pub(super) mod job;
pub(super) mod session;
pub(super) mod shell;

pub use row::{Annotations, Answer, Permission, Row, Toolset};
