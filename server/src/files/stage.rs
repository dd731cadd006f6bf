//! A file beside its target, which takes the target's name once it is whole.

use super::error::FileError;
use super::hidden::hidden;
use super::path::RemotePath;
use crate::link::{Attributes, FileHandle, OpenFlags, Sftp, SftpError};

/// An open file under a name of its own.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: RemotePath,
    pub(super) file: FileHandle,
}

impl Staged {
    /// Makes one beside `target`, for us alone until it has its mode.
    pub(super) async fn beside(
        sftp: &Sftp,
        target: &RemotePath,
        mode: u32,
    ) -> Result<Self, SftpError> {
        let (folder, name) = target
            .split()
            .ok_or_else(|| SftpError::Protocol("a file without a name".into()))?;
        // Of a name that is no text, its letters will do.
        let hidden = hidden(&String::from_utf8_lossy(name))
            .map_err(|error| SftpError::Local(error.to_string()))?;
        let path = folder.join(hidden.as_bytes());
        let flags = OpenFlags::WRITE | OpenFlags::CREATE | OpenFlags::NEW;
        let attributes = Attributes {
            permissions: Some(mode),
            ..Attributes::default()
        };
        let file = sftp.open(path.bytes(), flags, attributes).await?;
        Ok(Self { path, file })
    }

    /// Takes it away again.
    pub(super) async fn discard(self, sftp: &Sftp) {
        if let Err(error) = sftp.close(self.file).await {
            tracing::debug!(%error, path = %self.path, "a staged file does not close");
        }
        if let Err(error) = sftp.remove(self.path.bytes()).await {
            tracing::warn!(%error, path = %self.path, "a staged file stays on the host");
        }
    }
}

/// A failure while something was done to `path`.
pub(super) fn failed(path: &RemotePath) -> impl FnOnce(SftpError) -> FileError {
    FileError::at(path)
}
