//! What a folder has, and what a path is.

use futures::{FutureExt, StreamExt, stream};

use super::error::FileError;
use super::path::{RemotePath, shown};
use crate::link::{Attributes, FileKind, Named, Sftp};

/// Entries of one listing at most.
pub(super) const ENTRIES_MAX: usize = 100_000;

/// Links whose targets are asked for at once.
const LINKS_AT_ONCE: usize = 64;

/// One name of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its last component, as text.
    pub name: String,
    /// Of the name itself, not of what a link leads to.
    pub attributes: Attributes,
    /// Where a link points, as text; empty for others.
    pub target: String,
}

/// The entries of the folder `path`, by name; the flag says that there are more.
pub async fn list(sftp: &Sftp, path: &RemotePath) -> Result<(Vec<Entry>, bool), FileError> {
    let listed = sftp.list(path.bytes(), ENTRIES_MAX).await;
    let (mut named, more) = match listed {
        Ok(listed) => listed,
        Err(error) => {
            // Servers say no more than that it failed.
            let is_folder = sftp.stat(path.bytes(), true).await;
            if is_folder
                .is_ok_and(|found| !matches!(found.kind(), FileKind::Folder | FileKind::Unknown))
            {
                return Err(FileError::Kind {
                    path: path.to_string(),
                    is: "no folder",
                    next: "ssh_file_stat shows a file, ssh_file_read its text",
                });
            }
            return Err(FileError::at(path)(error));
        }
    };
    named.sort_by(|one, other| one.name.cmp(&other.name));
    let mut asked = Vec::with_capacity(named.len());
    for one in &named {
        asked.push(entry(sftp, path, one).boxed());
    }
    let entries = stream::iter(asked).buffered(LINKS_AT_ONCE);
    Ok((entries.collect().await, more))
}

async fn entry(sftp: &Sftp, folder: &RemotePath, named: &Named) -> Entry {
    let path = folder.join(&named.name);
    Entry {
        name: shown(&named.name),
        attributes: named.attributes,
        target: target(sftp, &path, &named.attributes).await,
    }
}

/// What `path` is; of a link the link itself.
pub async fn stat(sftp: &Sftp, path: &RemotePath) -> Result<Entry, FileError> {
    let found = sftp.stat(path.bytes(), false).await;
    let attributes = found.map_err(FileError::at(path))?;
    let name = path.split().map_or(path.bytes(), |(_, name)| name);
    Ok(Entry {
        name: shown(name),
        attributes,
        target: target(sftp, path, &attributes).await,
    })
}

async fn target(sftp: &Sftp, path: &RemotePath, attributes: &Attributes) -> String {
    if attributes.kind() != FileKind::Link {
        return String::new();
    }
    // It may be gone by now.
    let target = sftp.readlink(path.bytes()).await;
    target.map(|target| shown(&target)).unwrap_or_default()
}
