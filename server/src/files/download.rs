//! Copies a file or a folder from a host to this machine: many at once, each whole at
//! its place or not there, and none outside.

use std::io;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::Semaphore;

use super::error::FileError;
use super::guard::{Denied, LocalGuard, real};
use super::local::{LocalFolder, LocalStaged};
use super::path::{RemotePath, shown};
use super::read::Reading;
use super::tally::FileBytes;
use super::transfer::Transfer;
use crate::link::{Attributes, FileKind, Named, OpenFlags};

/// Files and listings that are on their way at once.
const AT_ONCE: usize = 64;

/// Entries of one folder at most.
const ENTRIES_MAX: usize = 100_000;

/// Entries that wait for their turn at most.
const TODO_MAX: usize = 500_000;

/// Folders in folders at most.
const DEPTH_MAX: usize = 128;

/// What is written to the disk at once, in bytes.
const WRITE_AT_ONCE: usize = 1 << 20;

/// Of a file whose server says none.
const DEFAULT_MODE: u32 = 0o644;

/// A copy from a host.
#[derive(Debug, Clone)]
pub struct Download {
    /// What is copied where.
    pub transfer: Transfer,
    /// Turns of large files.
    pub large: Arc<Semaphore>,
}

/// Something that is still to be copied.
struct Todo {
    /// On the host.
    from: RemotePath,
    /// Below the first folder, for a person.
    below: String,
    depth: usize,
    what: What,
}

enum What {
    /// All that a folder has, into this one.
    First(LocalFolder),
    /// All that a folder has, into one of this name in that one.
    Folder {
        parent: LocalFolder,
        name: String,
        attributes: Attributes,
    },
    /// A file of this name, into that folder.
    File {
        folder: LocalFolder,
        name: String,
        attributes: Attributes,
    },
}

/// What came of one of them.
type Outcome = Result<Vec<Todo>, FileError>;

/// A file that waits for its turn, in bytes.
const LARGE_BYTES: u64 = 1 << 20;

/// Large files at once.
const LARGE_AT_ONCE: usize = 4;

impl Download {
    /// The turns that one copy's large files take.
    pub fn turns() -> Arc<Semaphore> {
        Arc::new(Semaphore::new(LARGE_AT_ONCE))
    }

    /// Copies it.
    pub async fn run(&self) -> Result<(), FileError> {
        let found = self
            .transfer
            .sftp
            .stat(self.transfer.remote.bytes(), true)
            .await;
        let attributes = found.map_err(FileError::at(&self.transfer.remote))?;
        let is_folder = match attributes.kind() {
            FileKind::Folder => true,
            FileKind::File | FileKind::Unknown => false,
            FileKind::Link | FileKind::Other => {
                return Err(FileError::Kind {
                    path: self.transfer.remote.to_string(),
                    is: "no regular file",
                    next: "ssh_exec reads devices and pipes",
                });
            }
        };
        let (local, guard) = (self.transfer.local.clone(), self.transfer.guard.clone());
        let first = on_disk(move || Ok(first(&local, &guard, is_folder))).await;
        let (folder, name, is_made) = first.map_err(|error| self.local_error(&error))??;
        let what = match name {
            None => What::First(folder.clone()),
            Some(name) => What::File {
                folder: folder.clone(),
                name,
                attributes,
            },
        };
        let todo = Todo {
            from: self.transfer.remote.clone(),
            below: String::new(),
            depth: 0,
            what,
        };
        self.all(todo).await?;
        if is_folder && is_made {
            self.finish(folder, attributes).await;
        }
        Ok(())
    }

    fn local_error(&self, error: &io::Error) -> FileError {
        FileError::local(&self.transfer.local, error)
    }

    async fn all(&self, first: Todo) -> Result<(), FileError> {
        // The last found goes first, so that few folders wait at once.
        let mut todo = vec![first];
        let mut on_way: FuturesUnordered<BoxFuture<'_, Outcome>> = FuturesUnordered::new();
        loop {
            while on_way.len() < AT_ONCE
                && let Some(next) = todo.pop()
            {
                on_way.push(self.one(next).boxed());
            }
            tokio::select! {
                biased;
                () = self.transfer.cancelled.cancelled() => {
                    let but = self.transfer.tally.failures();
                    return Err(FileError::Stopped { but });
                }
                done = on_way.next() => match done {
                    Some(more) => {
                        todo.extend(more?);
                        self.bounded(&todo)?;
                    }
                    None => return Ok(()),
                },
            }
        }
    }

    /// A host may name folders without end.
    fn bounded(&self, todo: &[Todo]) -> Result<(), FileError> {
        if todo.len() <= TODO_MAX {
            return Ok(());
        }
        Err(FileError::Remote {
            path: self.transfer.remote.to_string(),
            why: format!(
                "more than {TODO_MAX} files and folders wait; copy its folders one by one"
            ),
        })
    }

    async fn one(&self, todo: Todo) -> Outcome {
        let (below, is_first) = (todo.below.clone(), todo.depth == 0);
        let done = match todo.what {
            What::First(folder) => self.folder(&todo.from, "", 0, folder).await,
            What::Folder {
                parent,
                name,
                attributes,
            } => match self.child(parent, name, attributes).await {
                Ok(folder) => {
                    self.folder(&todo.from, &todo.below, todo.depth, folder)
                        .await
                }
                Err(error) => Err(error),
            },
            What::File {
                folder,
                name,
                attributes,
            } => {
                let copied = self.file(&todo.from, folder, name, attributes).await;
                copied.map(|()| Vec::new())
            }
        };
        match done {
            // What a server or a disk says of one leaves the others their chance.
            Err(error) if !is_first && error.is_of_one() => {
                self.transfer.tally.fail(&below, &error.to_string());
                Ok(Vec::new())
            }
            other => other,
        }
    }

    /// What a folder has is to be copied next.
    async fn folder(
        &self,
        from: &RemotePath,
        below: &str,
        depth: usize,
        into: LocalFolder,
    ) -> Outcome {
        let listed = self.transfer.sftp.list(from.bytes(), ENTRIES_MAX).await;
        let (entries, more) = listed.map_err(FileError::at(from))?;
        if more {
            self.transfer
                .tally
                .fail(below, "entries beyond the first 100 000");
        }
        let (guard, mut todo) = (self.transfer.guard.clone(), Vec::new());
        let looked = on_disk(move || Ok(guard.now())).await;
        let denied = looked.map_err(|error| self.local_error(&error))?;
        for entry in entries {
            let text = shown(&entry.name);
            let below = if below.is_empty() {
                text
            } else {
                format!("{below}/{text}")
            };
            match entry_of(&entry, depth, &into, &denied) {
                Ok(what) => todo.push(Todo {
                    from: from.join(&entry.name),
                    below,
                    depth: depth + 1,
                    what,
                }),
                Err(why) => self.transfer.tally.skip(&below, &why),
            }
        }
        Ok(todo)
    }

    /// The folder `name`, made where it is not there. It is held open only from here
    /// on: a host may name any number of them.
    async fn child(
        &self,
        parent: LocalFolder,
        name: String,
        attributes: Attributes,
    ) -> Result<LocalFolder, FileError> {
        let path = parent.path.join(&name);
        let made = on_disk(move || parent.child(&name)).await;
        let (folder, is_made) = made.map_err(|error| FileError::local(&path, &error))?;
        if is_made {
            self.finish(folder.clone(), attributes).await;
        }
        Ok(folder)
    }

    /// The folder that was made gets its mode. It is held open, so a mode that keeps us
    /// from writing there comes too early only for its files: those bits stay.
    async fn finish(&self, folder: LocalFolder, attributes: Attributes) {
        let Some(mode) = attributes.mode() else {
            return;
        };
        let set = on_disk(move || folder.set_mode(mode | 0o700)).await;
        if let Err(error) = set {
            tracing::debug!(%error, "a folder keeps its mode");
        }
    }

    async fn file(
        &self,
        from: &RemotePath,
        folder: LocalFolder,
        name: String,
        attributes: Attributes,
    ) -> Result<(), FileError> {
        // Few large ones at once: each has a window of its own on its way.
        let _turn = match attributes.size {
            Some(size) if size <= LARGE_BYTES => None,
            _ => self.large.acquire().await.ok(),
        };
        let opened = self
            .transfer
            .sftp
            .open(from.bytes(), OpenFlags::READ, Attributes::default());
        let file = opened.await.map_err(FileError::at(from))?;
        let mut reading =
            Reading::new(&self.transfer.sftp, &file, 0, u64::MAX, attributes.size).await;
        let bytes = self.transfer.tally.file_bytes();
        let fetched = self.fetch(from, &mut reading, (folder, name), &bytes).await;
        let closed = self.transfer.sftp.close(file).await;
        let staged = fetched?;
        closed.map_err(FileError::at(from))?;
        let mode = attributes.mode().unwrap_or(DEFAULT_MODE);
        let placed = on_disk(move || staged.place(mode)).await;
        placed.map_err(|error| self.local_error(&error))?;
        self.transfer.tally.has_file(&bytes);
        Ok(())
    }

    /// A staged file with all that is read.
    async fn fetch(
        &self,
        from: &RemotePath,
        reading: &mut Reading<'_>,
        (folder, name): (LocalFolder, String),
        bytes: &FileBytes,
    ) -> Result<LocalStaged, FileError> {
        let mut staged = None;
        let (mut waiting, mut waiting_bytes, mut at) = (Vec::new(), 0, 0);
        loop {
            let piece = reading.next().await.map_err(FileError::at(from))?;
            let is_end = piece.is_none();
            if let Some(piece) = piece {
                waiting_bytes += piece.len();
                waiting.push(piece);
            }
            if waiting_bytes < WRITE_AT_ONCE && !is_end {
                continue;
            }
            let data = std::mem::take(&mut waiting);
            let (there, into, name) = (staged.take(), folder.clone(), name.clone());
            let written = on_disk(move || {
                let staged = match there {
                    Some(staged) => staged,
                    None => into.stage(&name)?,
                };
                staged.write(&data, at)?;
                Ok(staged)
            });
            let written = written.await.map_err(|error| self.local_error(&error))?;
            at += waiting_bytes as u64;
            bytes.add(waiting_bytes as u64);
            waiting_bytes = 0;
            if is_end {
                return Ok(written);
            }
            staged = Some(written);
        }
    }
}

/// Where the first goes: the folder itself, or the folder that has the file and its
/// name; whether it was made.
fn first(
    local: &std::path::Path,
    guard: &LocalGuard,
    is_folder: bool,
) -> Result<(LocalFolder, Option<String>, bool), FileError> {
    let failed = |error: io::Error| FileError::local(local, &error);
    let real = real(local).map_err(failed)?;
    guard.check(&real)?;
    let was_there = real.exists();
    if is_folder {
        let folder = LocalFolder::make(&real).map_err(failed)?;
        return Ok((folder, None, !was_there));
    }
    let (is, next) = match std::fs::metadata(&real) {
        Ok(there) if there.is_dir() => (
            "a folder",
            "local_path is the file itself, not the folder to put it in",
        ),
        Ok(there) if !there.is_file() => ("no regular file", "give another local_path"),
        Ok(_) | Err(_) => ("", ""),
    };
    if !is.is_empty() {
        let path = local.display().to_string();
        return Err(FileError::Kind { path, is, next });
    }
    let name = real.file_name().and_then(|name| name.to_str());
    let (Some(folder), Some(name)) = (real.parent(), name) else {
        return Err(failed(io::Error::other("it has no name")));
    };
    let folder = LocalFolder::make(folder).map_err(failed)?;
    Ok((folder, Some(name.to_owned()), !was_there))
}

/// What is to be done with an entry, or why it is left out.
fn entry_of(
    entry: &Named,
    depth: usize,
    into: &LocalFolder,
    denied: &Denied,
) -> Result<What, String> {
    let name = plain_name(&entry.name)?;
    if !denied.allows(&into.path.join(name)) {
        return Err("a place that no tool writes".into());
    }
    let (parent, name, attributes) = (into.clone(), name.to_owned(), entry.attributes);
    match attributes.kind() {
        FileKind::File => Ok(What::File {
            folder: parent,
            name,
            attributes,
        }),
        FileKind::Folder if depth >= DEPTH_MAX => Err("too many folders in folders".into()),
        FileKind::Folder => Ok(What::Folder {
            parent,
            name,
            attributes,
        }),
        FileKind::Link => Err("a symlink".into()),
        FileKind::Other | FileKind::Unknown => Err("no regular file".into()),
    }
}

/// A name that leads nowhere else, and that this program can say.
fn plain_name(name: &[u8]) -> Result<&str, String> {
    let is_odd = name.is_empty() || name == b"." || name == b"..";
    if is_odd || name.contains(&b'/') || name.contains(&0) {
        return Err("a name that leads elsewhere".into());
    }
    std::str::from_utf8(name).map_err(|_odd| "its name is not UTF-8".into())
}

/// Runs `work` where a slow disk holds nobody else up.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|panic| Err(io::Error::other(panic)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for odd in [&b""[..], b".", b"..", b"a/b", b"/etc", b"a\0b", b"\xff"] {
            assert!(plain_name(odd).is_err(), "{odd:?}");
        }
        assert_eq!(plain_name("...ä".as_bytes()), Ok("...ä"));
    }
}
