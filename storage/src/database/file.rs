//! Opening and making a redb file, and what may go wrong with it.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use redb::{Builder, Database, StorageError, WriteTransaction};

use super::rehearsal::rehearse;
use super::writes::begin_durable;
use crate::private_files::{self, PrivateFileError, discard, rename};

/// A cause whose type is nobody's business above.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

/// redb's page cache for one file. Its default is 1 GiB; a state is some
/// hundred KiB, and of a segment a query touches little twice.
const CACHE_BYTES: usize = 16 << 20;

/// Why a database could not be opened or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseFault {
    #[error("another process holds it open")]
    Locked,
    #[error("{0}")]
    Damaged(String),
    #[error("the system refused it")]
    Io(#[source] io::Error),
    #[error(transparent)]
    File(#[from] PrivateFileError),
}

impl From<redb::Error> for DatabaseFault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::Locked,
            redb::Error::Io(error) if means_damage(error.kind()) => {
                Self::Damaged(error.to_string())
            }
            redb::Error::Io(error) => Self::Io(error),
            other => Self::Damaged(other.to_string()),
        }
    }
}

impl From<redb::DatabaseError> for DatabaseFault {
    fn from(error: redb::DatabaseError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<StorageError> for DatabaseFault {
    fn from(error: StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TransactionError> for DatabaseFault {
    fn from(error: redb::TransactionError) -> Self {
        redb::Error::from(error).into()
    }
}

impl From<redb::TableError> for DatabaseFault {
    fn from(error: redb::TableError) -> Self {
        redb::Error::from(error).into()
    }
}

/// Opens an existing file after a rehearsal of the same in memory, so that a
/// damaged file is refused and stays, byte for byte, as it was found.
pub(crate) fn open(path: &Path) -> Result<Database, DatabaseFault> {
    rehearse(path)?;
    open_checked(path, true)
}

/// Opens an existing file without reading all of it. A damaged page is found
/// when it is touched; wrap what reads in [`contained`].
pub(crate) fn open_trusting(path: &Path) -> Result<Database, DatabaseFault> {
    drop(private_files::open_file(path)?);
    open_checked(path, false)
}

fn open_checked(path: &Path, integrity: bool) -> Result<Database, DatabaseFault> {
    contained(|| {
        Ok(Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(integrity)
            .open(path)?)
    })
}

/// Makes a file that must not exist yet: under a temporary name, filled by
/// `fill` in one commit, synced, and only then named `path`.
pub(crate) fn create<E: From<DatabaseFault>>(
    path: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), E>,
) -> Result<(), E> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.new"));
    discard(&beside);
    let new = private_files::create_file(&beside).map_err(DatabaseFault::from)?;
    let made =
        fill_new(new, fill).and_then(|()| Ok(rename(&beside, path).map_err(DatabaseFault::from)?));
    if made.is_err() {
        discard(&beside);
    }
    made
}

fn fill_new<E: From<DatabaseFault>>(
    new: std::fs::File,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), E>,
) -> Result<(), E> {
    let fault = |error: redb::Error| DatabaseFault::from(error);
    let sync = new.try_clone().map_err(DatabaseFault::Io)?;
    let backend = redb::backends::FileBackend::new(new).map_err(|e| fault(e.into()))?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend)
        .map_err(|e| fault(e.into()))?;
    let write = begin_durable(&database).map_err(|e| fault(e.into()))?;
    fill(&write)?;
    write.commit().map_err(|e| fault(e.into()))?;
    database.close().map_err(|e| fault(e.into()))?;
    sync.sync_all().map_err(DatabaseFault::Io)?;
    Ok(())
}

/// Runs what reads a file that may be damaged. redb 4.6 panics on some damage:
/// where it trusts a page, and, in debug builds, wherever it calls a state
/// unreachable. A panic here is a verdict on the file, not on the program.
pub(crate) fn contained<T>(
    run: impl FnOnce() -> Result<T, DatabaseFault>,
) -> Result<T, DatabaseFault> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let reason = panic_text(panic.as_ref());
        Err(DatabaseFault::Damaged(format!(
            "its pages contradict each other: {reason}"
        )))
    })
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

fn means_damage(kind: io::ErrorKind) -> bool {
    matches!(
        kind,
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
    )
}
