//! What may go wrong with the state: when it is opened, when it is changed.

use std::path::{Path, PathBuf};

use crate::backup::BackupError;
use crate::database::{Cause, DatabaseFault, WriteFault};
use crate::import::ImportError;
use crate::migrate::MigrateError;
use crate::private_files::PrivateFileError;

/// Why the state was not opened. The file is then as it was before.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is open in another process", path.display())]
    Locked {
        /// The state.
        path: PathBuf,
    },
    /// It is not what a program of ours wrote.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The state; it was left as it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
        /// The newest backup that opens and passes its checks.
        backup: Option<PathBuf>,
    },
    /// A newer program wrote it.
    #[error(
        "{} has schema version {found}, written by version {}; this program, version \
         {program_version}, knows up to {supported}",
        path.display(), written_by.as_deref().unwrap_or("unknown")
    )]
    Newer {
        /// The state.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest that this program knows.
        supported: u32,
        /// The program that wrote it.
        written_by: Option<String>,
        /// This program.
        program_version: String,
        /// The newest good backup that this program can open.
        backup: Option<PathBuf>,
    },
    /// The file system refused, or the file is not private.
    #[error("the state cannot be reached")]
    File(#[from] PrivateFileError),
    /// The disk failed while it was read or made.
    #[error("cannot open or make {}", path.display())]
    Disk {
        /// The state.
        path: PathBuf,
        /// The system's or the database's reason.
        source: Cause,
    },
    /// No verified backup could be made before a migration.
    #[error("cannot back up {} before changing its schema", path.display())]
    Backup {
        /// The state.
        path: PathBuf,
        /// Why.
        source: BackupError,
    },
    /// A migration failed; the old schema is intact.
    #[error("cannot bring {} to this program's schema", path.display())]
    Migrate {
        /// The state.
        path: PathBuf,
        /// Which step, and why.
        source: MigrateError,
    },
    /// The Go program's file cannot be read at all.
    #[error("cannot import {}", path.display())]
    Import {
        /// That file; it was left as it is.
        path: PathBuf,
        /// Why.
        source: ImportError,
    },
}

impl OpenError {
    /// The fault of a file that was not damaged by its content.
    pub(super) fn of(path: &Path, fault: DatabaseFault, backup: Option<PathBuf>) -> Self {
        let path = path.to_path_buf();
        match fault {
            DatabaseFault::Locked => Self::Locked { path },
            DatabaseFault::Damaged(reason) => Self::Damaged {
                path,
                reason,
                backup,
            },
            DatabaseFault::Io(source) => Self::Disk {
                path,
                source: source.into(),
            },
            DatabaseFault::File(source) => Self::File(source),
        }
    }
}

/// Why a change was not acknowledged.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// Certainly nothing of it is stored; it may be tried again.
    #[error("the change was not stored")]
    NotStored(#[source] SharedCause),
    /// It may be stored, whole: the sync failed after it was written. Doing it
    /// again does no harm.
    #[error("whether the change was stored is unknown")]
    Unknown(#[source] SharedCause),
    /// The change has no stored form.
    #[error("the change cannot be stored: {0}")]
    Unfit(String),
    /// The store was closed.
    #[error("the state is closed")]
    Closed,
}

/// One cause, told to all whose changes shared a commit.
pub type SharedCause = std::sync::Arc<dyn std::error::Error + Send + Sync>;

impl From<WriteFault> for CommitError {
    fn from(fault: WriteFault) -> Self {
        match fault {
            WriteFault::NotWritten(cause) => Self::NotStored(cause.into()),
            WriteFault::Unknown(cause) => Self::Unknown(cause.into()),
        }
    }
}
