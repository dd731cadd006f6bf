//! Durable writes to one redb file, by one writer, and what to do when one
//! fails: redb then refuses all further ones until the file is opened again.

use std::path::PathBuf;
use std::sync::Arc;

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, TransactionError,
    WriteTransaction,
};

use super::file::{Cause, DatabaseFault, open};

/// Counts the commits, so that after a failed one it can be seen whether it
/// became durable all the same.
const COMMITS: TableDefinition<&str, u64> = TableDefinition::new("commits");
const COMMIT_COUNT: &str = "count";

/// A database that is opened again after a write failed.
#[derive(Debug)]
pub(crate) struct Durable {
    path: PathBuf,
    database: Option<Arc<Database>>,
}

/// What a failed write leaves behind.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WriteFault {
    /// Certainly nothing was written.
    #[error("nothing was written")]
    NotWritten(#[source] Cause),
    /// It may have become durable, whole.
    #[error("the outcome is unknown")]
    Unknown(#[source] Cause),
}

impl Durable {
    pub(crate) fn new(path: PathBuf, database: Database) -> Self {
        Self {
            path,
            database: Some(Arc::new(database)),
        }
    }

    /// The open database; opens it again after a failure.
    pub(crate) fn database(&mut self) -> Result<Arc<Database>, DatabaseFault> {
        if let Some(database) = &self.database {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new(open(&self.path)?);
        tracing::info!(path = %self.path.display(), "opened again after a failed write");
        self.database = Some(Arc::clone(&database));
        Ok(database)
    }

    /// One transaction, on the disk when this returns.
    pub(crate) fn write(
        &mut self,
        change: impl Fn(&WriteTransaction) -> Result<(), Cause>,
    ) -> Result<(), WriteFault> {
        let database = self.database().map_err(not_written)?;
        let write = match begin_durable(&database) {
            Ok(write) => write,
            Err(_previous_failure) => {
                drop(database);
                self.database = None;
                let again = self.database().map_err(not_written)?;
                begin_durable(&again).map_err(not_written)?
            }
        };
        let done = count(&write).and_then(|count| change(&write).map(|()| count));
        let count = match done {
            Ok(count) => count,
            Err(cause) => return Err(self.abandon(write, cause)),
        };
        match write.commit() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.after_failed_commit(count, error.into())),
        }
    }

    /// Gives the file back; readers that still hold it keep it open.
    pub(crate) fn close(&mut self) {
        self.database = None;
    }

    fn abandon(&mut self, write: WriteTransaction, cause: Cause) -> WriteFault {
        if let Err(error) = write.abort() {
            tracing::warn!(%error, "a write that failed could not be rolled back; opening again");
        }
        self.database = None;
        WriteFault::NotWritten(cause)
    }

    /// Opening again commits on top of what the file holds. If that is the old
    /// state, the failed commit is gone for good; if it is the new one, then
    /// whether the failed sync reached the disk cannot be known.
    fn after_failed_commit(&mut self, count: u64, cause: Cause) -> WriteFault {
        self.database = None;
        let found = self.database().and_then(|database| commit_count(&database));
        match found {
            Ok(found) if found < count => WriteFault::NotWritten(cause),
            Ok(_) => WriteFault::Unknown(cause),
            Err(error) => {
                tracing::error!(%error, "the database cannot be opened again after a failed commit");
                WriteFault::Unknown(cause)
            }
        }
    }
}

/// A write transaction that commits in two phases, durably, and lets the next
/// open skip the repair.
pub(crate) fn begin_durable(database: &Database) -> Result<WriteTransaction, TransactionError> {
    let mut write = database.begin_write()?;
    write.set_two_phase_commit(true);
    write.set_quick_repair(true);
    Ok(write)
}

fn count(write: &WriteTransaction) -> Result<u64, Cause> {
    let mut table = write.open_table(COMMITS)?;
    let before = table.get(COMMIT_COUNT)?.map_or(0, |count| count.value());
    let count = before.saturating_add(1);
    table.insert(COMMIT_COUNT, count)?;
    Ok(count)
}

fn commit_count(database: &Database) -> Result<u64, DatabaseFault> {
    let read = database.begin_read()?;
    let table = match read.open_table(COMMITS) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    Ok(table.get(COMMIT_COUNT)?.map_or(0, |count| count.value()))
}

fn not_written(fault: impl Into<Cause>) -> WriteFault {
    WriteFault::NotWritten(fault.into())
}
