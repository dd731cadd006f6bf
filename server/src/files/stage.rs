//! A file beside its target, which takes the target's name once it is whole.

use std::sync::Arc;

use super::error::FileError;
use super::hidden::hidden;
use super::host::FileHost;
use super::path::RemotePath;
use crate::link::{Attributes, FileHandle, OpenFlags, Sftp, SftpError};

/// An open file under a name of its own.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) path: RemotePath,
    pub(super) file: FileHandle,
    host: Arc<FileHost>,
}

impl Staged {
    /// Makes one beside `target`, for us alone until it has its mode.
    pub(super) async fn beside(
        sftp: &Sftp,
        target: &RemotePath,
        mode: u32,
        host: &Arc<FileHost>,
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
        let file = match sftp.open(path.bytes(), flags, attributes).await {
            Ok(file) => file,
            Err(error) => {
                // The server may have made it before the link was lost.
                if matches!(error, SftpError::Lost(_)) {
                    host.leave(&path);
                }
                return Err(error);
            }
        };
        let host = Arc::clone(host);
        Ok(Self { path, file, host })
    }

    /// Takes it away again.
    pub(super) async fn discard(self, sftp: &Sftp) {
        if let Err(error) = sftp.close(self.file).await {
            tracing::debug!(%error, path = %self.path, "a staged file does not close");
        }
        take_away(sftp, &self.path, &self.host).await;
    }

    /// Closes it; `name` then gives it its name, from the path that it has.
    pub(super) async fn place<Naming>(
        self,
        sftp: &Sftp,
        name: impl FnOnce(RemotePath) -> Naming,
    ) -> Result<(), SftpError>
    where
        Naming: Future<Output = Result<(), SftpError>>,
    {
        let Self { path, file, host } = self;
        let placed = match sftp.close(file).await {
            Ok(()) => name(path.clone()).await,
            Err(error) => Err(error),
        };
        if placed.is_err() {
            take_away(sftp, &path, &host).await;
        }
        placed
    }
}

/// Removes a staged file, or has the next link do so.
async fn take_away(sftp: &Sftp, path: &RemotePath, host: &FileHost) {
    match sftp.remove(path.bytes()).await {
        Ok(()) => {}
        Err(SftpError::Lost(_)) => host.leave(path),
        Err(error) => tracing::warn!(%error, %path, "a staged file stays on the host"),
    }
}

/// A failure while something was done to `path`.
pub(super) fn failed(path: &RemotePath) -> impl FnOnce(SftpError) -> FileError {
    FileError::at(path)
}
