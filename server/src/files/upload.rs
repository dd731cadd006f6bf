//! Copies a file or a folder from this machine to a host: many files at once, each of
//! them whole at its place or not there.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures::future::{BoxFuture, Shared};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio_util::sync::CancellationToken;

use super::change::mkdir;
use super::content::Content;
use super::error::FileError;
use super::guard::real;
use super::path::{RemotePath, shown};
use super::transfer::Transfer;
use super::walk::{Found, open, walk};
use super::write::{How, new, over, write};
use crate::link::{Attributes, FileKind, Named, Sftp, StatusCode};

/// Files that are on their way at once: a few round trips each, so that a line with a
/// delay is never idle.
const FILES_AT_ONCE: usize = 64;

/// Names of a folder that are kept while its files are written.
const NAMES_MAX: usize = 100_000;

/// Names of all folders together that are kept.
const NAMES_IN_ALL: usize = 500_000;

/// A copy to a host.
#[derive(Debug, Clone)]
pub struct Upload {
    transfer: Transfer,
    also: Vec<Arc<Sftp>>,
    /// Names of folders that are kept so far.
    names: Arc<AtomicUsize>,
    /// Fires when it is stopped, and when one file's failure ends all.
    stop: CancellationToken,
}

/// What a folder on the host has.
#[derive(Debug)]
enum Folder {
    /// We made it, or this is all that was in it before.
    Listed(HashMap<Bytes, Named>),
    /// There may be anything: it has too many names to keep them.
    Unlisted,
}

/// A folder that is being made or looked at; the error is in words.
type Making = Shared<BoxFuture<'static, Result<Arc<Folder>, Failure>>>;

/// Why something of a folder was not copied.
#[derive(Debug, Clone)]
enum Failure {
    /// The rest may be.
    One(String),
    /// Nothing more can be.
    All(Arc<FileError>),
}

impl Upload {
    /// What is copied where; `also` are further channels, for large files.
    pub fn new(transfer: Transfer, also: Vec<Arc<Sftp>>) -> Self {
        Self {
            stop: transfer.cancelled.child_token(),
            transfer,
            also,
            names: Arc::default(),
        }
    }

    /// Copies it.
    pub async fn run(&self) -> Result<(), FileError> {
        let local = self.transfer.local.clone();
        let resolving = tokio::task::spawn_blocking(move || {
            let real = real(&local)?;
            let is_folder = std::fs::metadata(&real)?.is_dir();
            Ok::<_, std::io::Error>((real, is_folder))
        });
        let resolved = resolving
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let (real, is_folder) = resolved.map_err(|error| self.local_error(&error))?;
        self.transfer.guard.check(&real)?;
        if is_folder {
            self.folder(real).await
        } else {
            self.file(real).await
        }
    }

    fn local_error(&self, error: &std::io::Error) -> FileError {
        FileError::local(&self.transfer.local, error)
    }

    async fn file(&self, real: PathBuf) -> Result<(), FileError> {
        let opening = tokio::task::spawn_blocking(move || open(&real));
        let opened = opening
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        let (content, mode) = opened.map_err(|error| self.local_error(&error))?;
        let is_there = match self
            .transfer
            .sftp
            .stat(self.transfer.remote.bytes(), true)
            .await
        {
            Ok(_) => true,
            Err(error) if error.status() == Some(StatusCode::NoSuchFile) => false,
            Err(error) => return Err(FileError::at(&self.transfer.remote)(error)),
        };
        if !is_there && let Some((folder, _)) = self.transfer.remote.split() {
            mkdir(&self.transfer.sftp, &folder, true).await?;
        }
        let how = self.how((!is_there).then_some(mode));
        let written = write(&self.transfer.sftp, &self.transfer.remote, &content, &how).await?;
        self.transfer.tally.has_file(&how.sent);
        if !written.is_atomic {
            self.transfer
                .tally
                .in_place(&self.transfer.remote.to_string());
        }
        Ok(())
    }

    fn how(&self, mode: Option<u32>) -> How {
        How {
            mode,
            cancelled: self.stop.clone(),
            sent: Arc::new(self.transfer.tally.file_bytes()),
            also: self.also.clone(),
            host: Arc::clone(&self.transfer.host),
            ..How::default()
        }
    }

    async fn folder(&self, real: PathBuf) -> Result<(), FileError> {
        if let Some((folder, _)) = self.transfer.remote.split() {
            mkdir(&self.transfer.sftp, &folder, true).await?;
        }
        let mut found = walk(
            real,
            self.transfer.guard.clone(),
            Arc::clone(&self.transfer.tally),
        );
        let mut folders: HashMap<Vec<u8>, Making> = HashMap::new();
        let mut on_way: FuturesUnordered<BoxFuture<'_, Result<(), FileError>>> =
            FuturesUnordered::new();
        let mut failed = None;
        while failed.is_none() {
            let next = tokio::select! {
                biased;
                () = self.transfer.cancelled.cancelled() => break,
                Some(done) = on_way.next() => { failed = done.err(); continue; }
                next = found.recv(), if on_way.len() < FILES_AT_ONCE => next,
            };
            match next {
                Some(Found::Folder { below, mode }) => {
                    let parent = parent(&below)
                        .and_then(|parent| folders.get(parent))
                        .cloned();
                    let making = self.making(&below, mode, parent);
                    folders.insert(below.clone(), making.clone());
                    on_way.push(self.made(below, making).boxed());
                }
                Some(Found::File {
                    below,
                    mode,
                    content,
                }) => {
                    let folder = parent(&below)
                        .and_then(|parent| folders.get(parent))
                        .cloned();
                    on_way.push(self.put(below, mode, content, folder).boxed());
                }
                None => break,
            }
        }
        // Each of them ends, and takes away what is not whole.
        loop {
            if failed.is_some() {
                self.stop.cancel();
            }
            let Some(done) = on_way.next().await else {
                break;
            };
            failed = failed.or(done.err());
        }
        if self.transfer.cancelled.is_cancelled() {
            let but = self.transfer.tally.failures();
            return Err(FileError::Stopped { but });
        }
        failed.map_or(Ok(()), Err)
    }

    fn making(&self, below: &[u8], mode: u32, parent: Option<Making>) -> Making {
        let (sftp, path) = (Arc::clone(&self.transfer.sftp), self.place(below));
        let names = Arc::clone(&self.names);
        async move {
            let above = match parent {
                Some(parent) => Some(parent.await?),
                None => None,
            };
            // In a folder that we made nothing is there.
            let may_be_there = above.is_none_or(|above| match &*above {
                Folder::Listed(there) => there.contains_key(last(&path)),
                Folder::Unlisted => true,
            });
            make(&sftp, &path, mode, may_be_there, &names)
                .await
                .map(Arc::new)
                .map_err(failure)
        }
        .boxed()
        .shared()
    }

    async fn made(&self, below: Vec<u8>, making: Making) -> Result<(), FileError> {
        match making.await {
            Ok(_) => Ok(()),
            Err(Failure::One(why)) if !below.is_empty() => {
                self.transfer.tally.fail(&shown(&below), &why);
                Ok(())
            }
            Err(Failure::One(why)) => Err(FileError::Remote {
                path: self.transfer.remote.to_string(),
                why,
            }),
            Err(Failure::All(error)) => Err(FileError::Shared(error)),
        }
    }

    async fn put(
        &self,
        below: Vec<u8>,
        mode: u32,
        content: Content,
        folder: Option<Making>,
    ) -> Result<(), FileError> {
        let Some(folder) = folder else { return Ok(()) };
        // Told by the folder itself.
        let Ok(folder) = folder.await else {
            return Ok(());
        };
        let path = self.place(&below);
        let sftp = &*self.transfer.sftp;
        let there = match &*folder {
            Folder::Listed(there) => Ok(there.get(last(&path)).cloned()),
            Folder::Unlisted => look(sftp, &path).await,
        };
        let how = self.how(matches!(there, Ok(None)).then_some(mode));
        let written = match there {
            Err(error) => Err(error),
            Ok(None) => new(sftp, &path, &content, &how).await,
            Ok(Some(there)) if there.attributes.kind() == FileKind::File => {
                let known = (&there.attributes, there.links == Some(1));
                over(sftp, &path, known, &content, &how).await
            }
            Ok(Some(_link)) => write(sftp, &path, &content, &how).await,
        };
        match written.map_err(failure) {
            Ok(written) => {
                self.transfer.tally.has_file(&how.sent);
                if !written.is_atomic {
                    self.transfer.tally.in_place(&shown(&below));
                }
                Ok(())
            }
            Err(Failure::One(why)) => {
                self.transfer.tally.fail(&shown(&below), &why);
                Ok(())
            }
            Err(Failure::All(error)) => Err(FileError::Shared(error)),
        }
    }

    fn place(&self, below: &[u8]) -> RemotePath {
        if below.is_empty() {
            self.transfer.remote.clone()
        } else {
            self.transfer.remote.join(below)
        }
    }
}

/// The path of the folder that has `below`; none of the first one.
fn parent(below: &[u8]) -> Option<&[u8]> {
    if below.is_empty() {
        return None;
    }
    let at = below.iter().rposition(|byte| *byte == b'/');
    Some(at.and_then(|at| below.get(..at)).unwrap_or_default())
}

/// The last name of a path.
fn last(path: &RemotePath) -> &[u8] {
    path.split().map_or(&b""[..], |(_, name)| name)
}

/// What has that name, if anything has. How many names that has, nobody says.
async fn look(sftp: &Sftp, path: &RemotePath) -> Result<Option<Named>, FileError> {
    match sftp.stat(path.bytes(), false).await {
        Ok(attributes) => Ok(Some(Named {
            name: Bytes::copy_from_slice(last(path)),
            attributes,
            links: None,
        })),
        Err(error) if error.status() == Some(StatusCode::NoSuchFile) => Ok(None),
        Err(error) => Err(FileError::at(path)(error)),
    }
}

/// Makes a folder, or looks at the one that is there.
async fn make(
    sftp: &Sftp,
    path: &RemotePath,
    mode: u32,
    may_be_there: bool,
    names: &AtomicUsize,
) -> Result<Folder, FileError> {
    let attributes = Attributes {
        // Ours to write in, whatever it is to be.
        permissions: Some(mode | 0o700),
        ..Attributes::default()
    };
    let done = sftp.mkdir(path.bytes(), attributes).await;
    let Err(error) = done else {
        keep_mode(sftp, path, mode | 0o700).await;
        return Ok(Folder::Listed(HashMap::new()));
    };
    if !may_be_there || error.status().is_none() {
        return Err(FileError::at(path)(error));
    }
    let there = sftp.stat(path.bytes(), true).await;
    if !there.is_ok_and(|found| found.kind() == FileKind::Folder) {
        return Err(FileError::at(path)(error));
    }
    let (entries, is_cut) = sftp
        .list(path.bytes(), NAMES_MAX)
        .await
        .map_err(FileError::at(path))?;
    let kept = names.fetch_add(entries.len(), Ordering::Relaxed) + entries.len();
    if is_cut || kept > NAMES_IN_ALL {
        names.fetch_sub(entries.len(), Ordering::Relaxed);
        return Ok(Folder::Unlisted);
    }
    let by_name = entries.into_iter().map(|one| (one.name.clone(), one));
    Ok(Folder::Listed(by_name.collect()))
}

/// A folder that was just made has the bits that the server's umask took from it; those
/// that it has from the folder above stay.
async fn keep_mode(sftp: &Sftp, path: &RemotePath, mode: u32) {
    const RIGHTS: u32 = 0o777;
    let there = sftp.stat(path.bytes(), false).await.ok();
    let Some(has) = there.and_then(|there| there.mode()) else {
        return;
    };
    if has & RIGHTS == mode & RIGHTS {
        return;
    }
    let set = Attributes {
        permissions: Some(has & !RIGHTS | mode & RIGHTS),
        ..Attributes::default()
    };
    if let Err(error) = sftp.setstat(path.bytes(), set).await {
        tracing::debug!(%error, %path, "a folder keeps another mode");
    }
}

/// What a server says of one file leaves the others their chance.
fn failure(error: FileError) -> Failure {
    if !error.is_of_one() {
        return Failure::All(Arc::new(error));
    }
    Failure::One(match error {
        FileError::Sftp { source, .. } => source.to_string(),
        FileError::HalfWritten { source, .. } => {
            format!("written in place, and may be half old and half new: {source}")
        }
        FileError::Kind { is, .. } => format!("there is {is}"),
        FileError::ChangedMeanwhile { .. } => "somebody else made it meanwhile".into(),
        FileError::Remote { why, .. } => why,
        other => other.to_string(),
    })
}
