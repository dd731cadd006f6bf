//! What must come back after a restart: the specs, in `state.redb`.

mod change;
mod error;
#[cfg(test)]
mod kill_tests;
mod open;
mod picture;
mod read;
mod store;
mod tables;
mod writer;

pub use change::Change;
pub use error::{CommitError, OpenError, SharedCause};
pub use open::{Opened, StateOptions};
pub use picture::{
    Picture, SavedDockerHost, SavedDurableJob, SavedDurableShell, SavedForward, SavedSession,
};
pub use store::StateStore;

pub(crate) use change::Edit;
pub(crate) use tables::{
    SCHEMA_VERSION, make_durable_jobs, make_durable_shells, make_first_tables, schema_version,
    set_schema_version,
};
