//! The one kind of write transaction.

use redb::{Database, TransactionError, WriteTransaction};

/// A write transaction that commits in two phases, durably, and lets the next
/// open skip the repair.
pub(crate) fn begin_durable(database: &Database) -> Result<WriteTransaction, TransactionError> {
    let mut write = database.begin_write()?;
    write.set_two_phase_commit(true);
    write.set_quick_repair(true);
    Ok(write)
}
