//! Durable writes to one redb file, by one writer, and what to do when one
//! fails: redb then refuses all further ones until the file is opened again.

use std::path::PathBuf;
use std::sync::Arc;

use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, TableDefinition, WriteTransaction,
};

use super::fault::{Cause, DatabaseFault};
use super::file::open;
use super::transaction::begin_durable;

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
            self.database = None;
        }
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

#[cfg(test)]
mod tests {
    use std::io;
    use std::ops::Bound;
    use std::path::Path;
    use std::sync::atomic::{AtomicU8, Ordering};

    use redb::backends::FileBackend;
    use redb::{BackendError, Builder, StorageBackend};

    use super::*;
    use crate::database::create;

    const ROWS: TableDefinition<&str, u64> = TableDefinition::new("rows");
    const NO_SPACE: u8 = 1;
    const SYNC_FAILS: u8 = 2;

    /// A file on a disk that fails when told to.
    #[derive(Debug)]
    struct Faulty {
        file: FileBackend,
        fault: Arc<AtomicU8>,
    }

    impl Faulty {
        fn check(&self, fault: u8) -> io::Result<()> {
            if self.fault.load(Ordering::SeqCst) == fault {
                return Err(io::ErrorKind::StorageFull.into());
            }
            Ok(())
        }
    }

    impl StorageBackend for Faulty {
        fn len(&self) -> io::Result<u64> {
            self.file.len()
        }

        fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
            self.file.read(offset, out)
        }

        fn set_len(&self, length: u64) -> io::Result<()> {
            self.check(NO_SPACE)?;
            self.file.set_len(length)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.check(SYNC_FAILS)?;
            self.file.sync_data()
        }

        fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
            self.check(NO_SPACE)?;
            self.file.write(offset, data)
        }

        fn close(&self) -> io::Result<()> {
            self.file.close()
        }

        fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
            self.file.try_lock_range(start, end)
        }

        fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
            self.file.unlock_range(start, end)
        }
    }

    fn on_a_faulty_disk(path: &Path) -> (Durable, Arc<AtomicU8>) {
        create(path, |_| Ok::<_, DatabaseFault>(())).unwrap();
        let fault = Arc::new(AtomicU8::new(0));
        let file = crate::private_files::open_file(path).unwrap();
        let backend = Faulty {
            file: FileBackend::new(file).unwrap(),
            fault: Arc::clone(&fault),
        };
        let database = Builder::new().create_with_backend(backend).unwrap();
        (Durable::new(path.to_path_buf(), database), fault)
    }

    fn put(durable: &mut Durable, name: &str) -> Result<(), WriteFault> {
        durable.write(|write| {
            write.open_table(ROWS)?.insert(name, 1)?;
            Ok(())
        })
    }

    fn has(durable: &mut Durable, name: &str) -> bool {
        let read = durable.database().unwrap().begin_read().unwrap();
        read.open_table(ROWS).unwrap().get(name).unwrap().is_some()
    }

    #[test]
    fn after_a_failed_write_the_next_goes_through_and_nothing_acknowledged_is_lost() {
        for kind in [NO_SPACE, SYNC_FAILS] {
            let home = tempfile::tempdir().unwrap();
            let (mut durable, fault) = on_a_faulty_disk(&home.path().join("state.redb"));
            put(&mut durable, "before").unwrap();
            fault.store(kind, Ordering::SeqCst);
            let failed = put(&mut durable, "during").unwrap_err();
            if matches!(failed, WriteFault::NotWritten(_)) {
                assert!(!has(&mut durable, "during"), "fault {kind}");
            }
            put(&mut durable, "after").unwrap();
            assert!(has(&mut durable, "before") && has(&mut durable, "after"));
        }
    }

    #[test]
    fn a_change_that_fails_takes_nothing_with_it() {
        let home = tempfile::tempdir().unwrap();
        let (mut durable, _) = on_a_faulty_disk(&home.path().join("state.redb"));
        put(&mut durable, "before").unwrap();
        let failed = durable.write(|write| {
            write.open_table(ROWS)?.insert("half", 1)?;
            Err(io::Error::other("no").into())
        });
        assert!(matches!(failed, Err(WriteFault::NotWritten(_))));
        assert!(has(&mut durable, "before") && !has(&mut durable, "half"));
    }
}
