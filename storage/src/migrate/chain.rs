//! The chain of migrations and how it is run.

use redb::{Database, WriteTransaction};

use super::step::Migration;
use super::{v1, v2, v3};
use crate::database::{Cause, begin_durable};
use crate::state::{SCHEMA_VERSION, set_schema_version};

/// Every step there is, in order. The first makes the tables of a new file.
pub(crate) const CHAIN: &[Migration] = &[v1::MIGRATION, v2::MIGRATION, v3::MIGRATION];

const _: () = assert!(CHAIN.len() == SCHEMA_VERSION as usize, "one step a version");

/// The version that a chain leads to.
pub(crate) fn newest(chain: &[Migration]) -> u32 {
    chain.last().map_or(0, |step| step.to)
}

/// Why the schema stays as it was.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// A step failed.
    #[error("the step to schema version {to} failed")]
    Step {
        /// The version that was not reached.
        to: u32,
        /// Why.
        source: Cause,
    },
    /// The transaction failed.
    #[error("the new schema could not be stored")]
    Store(#[source] Cause),
}

/// Runs what is missing after version `from`, in one durable transaction: a
/// crash at any moment leaves the old schema or the new one.
pub(crate) fn migrate(
    database: &Database,
    chain: &[Migration],
    from: u32,
    program_version: &str,
) -> Result<(), MigrateError> {
    let write = begin_durable(database).map_err(|error| MigrateError::Store(error.into()))?;
    run(&write, chain, from, program_version)?;
    write
        .commit()
        .map_err(|error| MigrateError::Store(error.into()))
}

/// The steps themselves, within a transaction.
pub(crate) fn run(
    write: &WriteTransaction,
    chain: &[Migration],
    from: u32,
    program_version: &str,
) -> Result<(), MigrateError> {
    for step in chain.iter().filter(|step| step.to > from) {
        tracing::info!(to = step.to, "changing the schema of the state");
        (step.apply)(write)
            .and_then(|()| set_schema_version(write, step.to, program_version))
            .map_err(|source| MigrateError::Step {
                to: step.to,
                source,
            })?;
    }
    Ok(())
}
