//! What may go wrong with a redb file.

use std::any::Any;
use std::error::Error;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::StorageError;

use crate::private_files::PrivateFileError;

/// A cause whose type is nobody's business above.
pub(crate) type Cause = Box<dyn Error + Send + Sync>;

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
