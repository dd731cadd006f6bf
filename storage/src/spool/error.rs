//! What may go wrong with the spool.

use std::io;
use std::path::{Path, PathBuf};

use crate::private_files::PrivateFileError;

/// Why something of the spool could not be had.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The id could not name a folder.
    #[error("`{id}` is no job's id")]
    BadId {
        /// What was given.
        id: String,
    },
    /// The system refused, nothing is there, or it is not ours.
    #[error(transparent)]
    File(#[from] PrivateFileError),
    /// It is there already; nothing was changed.
    #[error("{} exists already", path.display())]
    Exists {
        /// What.
        path: PathBuf,
    },
    /// The card is longer than any that would be read again.
    #[error("the card of {job_id} has {bytes} bytes, more than {limit_bytes}")]
    CardTooLong {
        /// Whose.
        job_id: String,
        /// Its length.
        bytes: usize,
        /// What it may have.
        limit_bytes: usize,
    },
    /// It is not what a program of ours wrote.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file; it was left as it is.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl SpoolError {
    /// Whether the job or its stream is not there (any more).
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::File(error) if error.is_not_found())
    }

    pub(super) fn damaged(path: &Path, reason: impl Into<String>) -> Self {
        Self::Damaged {
            path: path.to_path_buf(),
            reason: reason.into(),
        }
    }
}

/// The kind stays, so that a full disk can be told from a damaged file.
impl From<SpoolError> for io::Error {
    fn from(error: SpoolError) -> Self {
        let kind = match &error {
            SpoolError::File(PrivateFileError::Io { source, .. }) => source.kind(),
            SpoolError::File(PrivateFileError::ForeignOwner { .. }) => {
                io::ErrorKind::PermissionDenied
            }
            SpoolError::Exists { .. } => io::ErrorKind::AlreadyExists,
            SpoolError::BadId { .. } => io::ErrorKind::InvalidInput,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}
