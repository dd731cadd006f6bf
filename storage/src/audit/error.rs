//! What may go wrong with the audit log.

use std::io;
use std::path::PathBuf;

use crate::database::Cause;
use crate::private_files::PrivateFileError;

/// Why the log did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// A folder or file cannot be had.
    #[error("the audit's files cannot be reached")]
    File(#[from] PrivateFileError),
    /// Another process has the log open.
    #[error("{} is open in another process", path.display())]
    Locked {
        /// The segment.
        path: PathBuf,
    },
    /// A newer program wrote it.
    #[error("{} has schema version {found}; this program knows up to {supported}", path.display())]
    Newer {
        /// The segment.
        path: PathBuf,
        /// Its schema version.
        found: u64,
        /// The newest that this program knows.
        supported: u64,
    },
    /// The key's file is not 32 bytes.
    #[error("{} is no key of 32 bytes", path.display())]
    Key {
        /// The key's file.
        path: PathBuf,
    },
    /// A record could not be written to the tail: nothing of it is kept, and
    /// the call must not run.
    #[error("the audit log cannot be written")]
    Write(#[source] io::Error),
    /// A record is in the tail but not durable, though that was asked for.
    #[error("the audit log cannot be made durable: {0}")]
    NotDurable(String),
    /// Records wait to become durable, more than may: the disk fails or is far
    /// too slow. The call must not run.
    #[error("{waiting} audit records wait for the disk")]
    Behind {
        /// How many.
        waiting: usize,
    },
    /// A segment cannot be read or made.
    #[error("{} cannot be used", path.display())]
    Segment {
        /// The segment.
        path: PathBuf,
        /// Why.
        source: Cause,
    },
    /// A record has no stored form, or a stored one cannot be read.
    #[error("an audit record cannot be used: {0}")]
    Record(String),
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}
