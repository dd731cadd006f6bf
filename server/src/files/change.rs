//! Deleting, making folders, modes and names.

use super::error::FileError;
use super::path::RemotePath;
use crate::link::{Attributes, FileKind, Sftp, SftpError, StatusCode};

/// Deletes a file, a link, or an empty folder; whether it was a folder.
pub async fn delete(sftp: &Sftp, path: &RemotePath) -> Result<bool, FileError> {
    let found = sftp.stat(path.bytes(), false).await;
    let is_folder = found.map_err(FileError::at(path))?.kind() == FileKind::Folder;
    if !is_folder {
        let removed = sftp.remove(path.bytes()).await;
        return removed.map(|()| false).map_err(FileError::at(path));
    }
    let Err(error) = sftp.rmdir(path.bytes()).await else {
        return Ok(true);
    };
    // Servers say no more than that it failed.
    let listed = sftp.list(path.bytes(), 1).await;
    if listed.is_ok_and(|(entries, _)| !entries.is_empty()) {
        return Err(FileError::Kind {
            path: path.to_string(),
            is: "a folder that is not empty",
            next: "run rm -r with ssh_exec",
        });
    }
    Err(FileError::at(path)(error))
}

/// Makes a folder, with `parents` those above it too; whether it was made.
pub async fn mkdir(sftp: &Sftp, path: &RemotePath, parents: bool) -> Result<bool, FileError> {
    let Err(error) = sftp.mkdir(path.bytes(), Attributes::default()).await else {
        return Ok(true);
    };
    match sftp.stat(path.bytes(), true).await {
        Ok(found) if found.kind() == FileKind::Folder && parents => Ok(false),
        Ok(found) => Err(FileError::Exists {
            path: path.to_string(),
            next: if found.kind() == FileKind::Folder {
                "recursive: true is content with a folder that is there"
            } else {
                "it is no folder: give another path, or ssh_file_rename it first"
            },
        }),
        Err(missing) if parents && missing.status() == Some(StatusCode::NoSuchFile) => {
            with_parents(sftp, path).await
        }
        Err(_) => Err(FileError::at(path)(error)),
    }
}

/// Makes what is missing of the folders above it, the first one first.
async fn with_parents(sftp: &Sftp, path: &RemotePath) -> Result<bool, FileError> {
    let mut missing = vec![path.clone()];
    while let Some((above, _)) = missing.last().and_then(RemotePath::split) {
        match sftp.stat(above.bytes(), true).await {
            Ok(_) => break,
            Err(error) if error.status() == Some(StatusCode::NoSuchFile) => missing.push(above),
            Err(error) => return Err(FileError::at(&above)(error)),
        }
    }
    let mut is_made = false;
    for folder in missing.iter().rev() {
        // Another may have made it at the same moment.
        let made = sftp.mkdir(folder.bytes(), Attributes::default()).await;
        is_made = match (made, sftp.stat(folder.bytes(), true).await) {
            (Ok(()), _) => true,
            (Err(_), Ok(found)) if found.kind() == FileKind::Folder => false,
            (Err(error), _) => return Err(FileError::at(folder)(error)),
        };
    }
    Ok(is_made)
}

/// Sets the bits that chmod(2) sets, of what a link leads to.
pub async fn set_mode(sftp: &Sftp, path: &RemotePath, mode: u32) -> Result<(), FileError> {
    let set = Attributes {
        permissions: Some(mode),
        ..Attributes::default()
    };
    let done = sftp.setstat(path.bytes(), set).await;
    done.map_err(FileError::at(path))
}

/// Renames; what has the name `to` is refused, or with `overwrite` replaced in one step.
pub async fn rename(
    sftp: &Sftp,
    from: &RemotePath,
    to: &RemotePath,
    overwrite: bool,
) -> Result<(), FileError> {
    let there = match sftp.stat(to.bytes(), false).await {
        Ok(_) => true,
        Err(error) if error.status() == Some(StatusCode::NoSuchFile) => false,
        Err(error) => return Err(FileError::at(to)(error)),
    };
    let exists = || FileError::Exists {
        path: to.to_string(),
        next: "overwrite: true takes its place",
    };
    let renamed: Result<(), SftpError> = match (there, overwrite) {
        (true, false) => return Err(exists()),
        (true, true) if !sftp.can_replace() => {
            return Err(FileError::NoReplace {
                path: to.to_string(),
            });
        }
        (true, true) => sftp.replace(from.bytes(), to.bytes()).await,
        (false, _) => sftp.rename(from.bytes(), to.bytes()).await,
    };
    let Err(error) = renamed else { return Ok(()) };
    if !overwrite && sftp.stat(to.bytes(), false).await.is_ok() {
        return Err(exists());
    }
    Err(FileError::at(&format!("{from} to {to}"))(error))
}
