//! Writing a whole file: beside its target and renamed into its place where its owner,
//! mode and names can be kept, else in place.

use std::sync::Arc;

use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;

use super::content::{Content, Lane};
use super::error::FileError;
use super::host::FileHost;
use super::known::Known;
use super::path::RemotePath;
use super::stage::{Staged, failed};
use super::tally::FileBytes;
use crate::link::{Attributes, FileHandle, FileKind, OpenFlags, Sftp, SftpError, StatusCode};

/// Of a new file, less the server's umask.
const NEW_MODE: u32 = 0o666;

/// Of a file that is to get another's mode.
const PRIVATE_MODE: u32 = 0o600;

/// Set-user-id and set-group-id.
const SPECIAL_BITS: u32 = 0o6000;

/// Entries of a folder that are looked through for how many names a file has.
const NAMES_LOOKED_AT: usize = 5_000;

/// How a file is written.
#[derive(Debug, Clone, Default)]
pub struct How {
    /// The bits to set; else a new file's are the server's choice, and another's stay.
    pub mode: Option<u32>,
    /// Write in place.
    pub in_place: bool,
    /// What is there must be this still; none where anything may be.
    pub expected: Option<Known>,
    /// Fires when the caller gives up.
    pub cancelled: CancellationToken,
    /// Whether a link may have the name of what is not there.
    pub may_be_link: bool,
    /// It is on the host's disk when it is done, not only in its memory.
    pub syncs: bool,
    /// Further channels, for large files: a server takes so much at once on each.
    pub also: Vec<Arc<Sftp>>,
    /// Counts the bytes that the server has.
    pub sent: Arc<FileBytes>,
    /// Remembers what cannot be taken away now.
    pub host: Arc<FileHost>,
}

impl How {
    /// The same over a file that has set-user-id bits: a server's write may take those
    /// away, so they are set again behind it.
    fn keeping(&self, there: &Attributes) -> Self {
        let special = there.mode().filter(|mode| mode & SPECIAL_BITS != 0);
        Self {
            mode: self.mode.or(special),
            ..self.clone()
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Nobody could have seen half of it.
    pub is_atomic: bool,
}

/// A file that nobody else of this program writes meanwhile.
#[derive(Debug)]
pub struct Turn {
    /// Links resolved.
    pub path: RemotePath,
    _turn: OwnedMutexGuard<()>,
}

/// Waits for the turn at the file `path` of `host`.
pub async fn turn(host: &FileHost, sftp: &Sftp, path: &RemotePath) -> Result<Turn, FileError> {
    let path = resolved(sftp, path).await?;
    let turn = host.turn(path.bytes()).await;
    Ok(Turn { path, _turn: turn })
}

/// Writes all of a file. It is to be run to its end; `how.cancelled` makes that soon.
pub(super) async fn write(
    sftp: &Sftp,
    path: &RemotePath,
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    write_resolved(sftp, &resolved(sftp, path).await?, content, how).await
}

/// The same where `target` has its links resolved.
pub async fn write_resolved(
    sftp: &Sftp,
    target: &RemotePath,
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    let there = match sftp.stat(target.bytes(), true).await {
        Ok(there) => there,
        Err(error) if error.status() == Some(StatusCode::NoSuchFile) => {
            let how = How {
                may_be_link: true,
                ..how.clone()
            };
            return new(sftp, target, content, &how).await;
        }
        Err(error) => return Err(failed(target)(error)),
    };
    let has_one_name = !how.in_place && has_one_name(sftp, target).await;
    over(sftp, target, (&there, has_one_name), content, how).await
}

/// Writes over the file `target`, of which this is known, and whether it has no other
/// name.
pub(super) async fn over(
    sftp: &Sftp,
    target: &RemotePath,
    (there, has_one_name): (&Attributes, bool),
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    let is = match there.kind() {
        FileKind::File | FileKind::Unknown => None,
        FileKind::Folder => Some("a folder"),
        FileKind::Link | FileKind::Other => Some("no regular file"),
    };
    if let Some(is) = is {
        let path = target.to_string();
        let next = "name a file";
        return Err(FileError::Kind { path, is, next });
    }
    if !how.in_place
        && sftp.can_replace()
        && has_one_name
        && let Some(staged) = like(sftp, target, there, how).await?
    {
        return replaced(sftp, target, staged, content, &how.keeping(there)).await;
    }
    in_place(sftp, target, content, &how.keeping(there)).await
}

/// Adds to the end of a file, which is made if it is not there.
pub async fn append(
    sftp: &Sftp,
    path: &RemotePath,
    content: &Content,
    mode: Option<u32>,
) -> Result<Written, FileError> {
    let found = sftp.stat(path.bytes(), true).await;
    if found.is_ok_and(|found| matches!(found.kind(), FileKind::Other | FileKind::Folder)) {
        return Err(FileError::Kind {
            path: path.to_string(),
            is: "no regular file",
            next: "name a file",
        });
    }
    let flags = OpenFlags::WRITE | OpenFlags::APPEND | OpenFlags::CREATE;
    let file = sftp
        .open(path.bytes(), flags, permissions(mode.unwrap_or(NEW_MODE)))
        .await
        .map_err(failed(path))?;
    let adding = async {
        // Where the server appends by itself, the offset does not count.
        let size = sftp.fstat(&file).await?.size.unwrap_or_default();
        let lane = Lane { sftp, file: &file };
        content.write(&[lane], size, &FileBytes::default()).await?;
        if let Some(mode) = mode {
            sftp.fsetstat(&file, permissions(mode)).await?;
        }
        sftp.sync(&file).await
    };
    let added = adding.await;
    let closed = sftp.close(file).await;
    added.and(closed).map_err(failed(path))?;
    let at_once = usize::try_from(sftp.limits().await.write).unwrap_or(usize::MAX);
    Ok(Written {
        is_atomic: matches!(content, Content::Bytes(bytes) if bytes.len() <= at_once),
    })
}

/// The file behind the links of `path`.
async fn resolved(sftp: &Sftp, path: &RemotePath) -> Result<RemotePath, FileError> {
    match sftp.realpath(path.bytes()).await {
        Ok(real) => Ok(RemotePath::from_bytes(&real)),
        Err(error) if error.status() == Some(StatusCode::NoSuchFile) => {
            let folder = path
                .split()
                .map_or_else(|| path.to_string(), |(folder, _)| folder.to_string());
            Err(FileError::Kind {
                path: folder,
                is: "not there",
                next: "ssh_file_mkdir with recursive: true makes it",
            })
        }
        Err(error) => Err(failed(path)(error)),
    }
}

/// A new file: whole, or not at all.
pub(super) async fn new(
    sftp: &Sftp,
    target: &RemotePath,
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    if how.in_place {
        return in_place(sftp, target, content, how).await;
    }
    if how.may_be_link && sftp.stat(target.bytes(), false).await.is_ok() {
        // A link that leads nowhere: what it leads to is made.
        return in_place(sftp, target, content, how).await;
    }
    let staged = Staged::beside(sftp, target, how.mode.unwrap_or(NEW_MODE), &how.host).await;
    let staged = staged.map_err(failed(target))?;
    let filled = fill(sftp, &staged, content, how).await;
    if let Err(error) = filled {
        staged.discard(sftp).await;
        return Err(error.unwrap_or_else(|error| failed(target)(error)));
    }
    let renaming =
        |path: RemotePath| async move { sftp.rename(path.bytes(), target.bytes()).await };
    if let Err(error) = staged.place(sftp, renaming).await {
        if sftp.stat(target.bytes(), false).await.is_ok() {
            return Err(FileError::ChangedMeanwhile {
                path: target.to_string(),
            });
        }
        return Err(failed(target)(error));
    }
    Ok(Written { is_atomic: true })
}

/// Fills a staged file; a cancel counts up to here. The inner error is the server's.
async fn fill(
    sftp: &Sftp,
    staged: &Staged,
    content: &Content,
    how: &How,
) -> Result<(), Result<FileError, SftpError>> {
    let filling = async {
        let more = more_lanes(content, &staged.path, &how.also).await;
        let mut lanes = vec![Lane {
            sftp,
            file: &staged.file,
        }];
        lanes.extend(more.iter().map(|(sftp, file)| Lane { sftp, file }));
        let written = content.write(&lanes, 0, &how.sent).await;
        for (sftp, file) in more {
            sftp.close(file).await?;
        }
        written?;
        if let Some(mode) = how.mode {
            sftp.fsetstat(&staged.file, permissions(mode)).await?;
        }
        if how.syncs {
            sftp.sync(&staged.file).await?;
        }
        Ok(())
    };
    tokio::select! {
        biased;
        () = how.cancelled.cancelled() => Err(Ok(FileError::Cancelled)),
        filled = filling => filled.map_err(Err),
    }
}

/// The staged file on each of the further channels, as far as they open it.
async fn more_lanes<'a>(
    content: &Content,
    path: &RemotePath,
    also: &'a [Arc<Sftp>],
) -> Vec<(&'a Arc<Sftp>, FileHandle)> {
    let mut lanes = Vec::new();
    if !content.is_large() {
        return lanes;
    }
    for sftp in also {
        let opened = sftp.open(path.bytes(), OpenFlags::WRITE, Attributes::default());
        if let Ok(file) = opened.await {
            lanes.push((sftp, file));
        }
    }
    lanes
}

/// A staged file with the owner and mode of the one that is there; none where it cannot
/// have them, or where the folder takes no new file.
async fn like(
    sftp: &Sftp,
    target: &RemotePath,
    there: &Attributes,
    how: &How,
) -> Result<Option<Staged>, FileError> {
    let staged = match Staged::beside(sftp, target, PRIVATE_MODE, &how.host).await {
        Ok(staged) => staged,
        Err(error) if error.status() == Some(StatusCode::PermissionDenied) => return Ok(None),
        Err(error) => return Err(failed(target)(error)),
    };
    let (Some(owner), Some(mode)) = (there.owner, there.mode()) else {
        staged.discard(sftp).await;
        return Ok(None);
    };
    let taking_over = async {
        if sftp.fstat(&staged.file).await?.owner != Some(owner) {
            let given = Attributes {
                owner: Some(owner),
                ..Attributes::default()
            };
            sftp.fsetstat(&staged.file, given).await?;
        }
        // After the owner, which takes set-user-id bits away.
        let mode = how.mode.unwrap_or(mode);
        sftp.fsetstat(&staged.file, permissions(mode)).await
    };
    match taking_over.await {
        Ok(()) => Ok(Some(staged)),
        Err(error @ (SftpError::Lost(_) | SftpError::Protocol(_))) => {
            staged.discard(sftp).await;
            Err(failed(target)(error))
        }
        Err(_cannot) => {
            staged.discard(sftp).await;
            Ok(None)
        }
    }
}

async fn replaced(
    sftp: &Sftp,
    target: &RemotePath,
    staged: Staged,
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    if let Err(error) = fill(sftp, &staged, content, how).await {
        staged.discard(sftp).await;
        return Err(error.unwrap_or_else(|error| failed(target)(error)));
    }
    if let Some(expected) = &how.expected
        && let Err(error) = expected.check(sftp, target, Some(&staged.file)).await
    {
        staged.discard(sftp).await;
        return Err(error);
    }
    let replacing =
        |path: RemotePath| async move { sftp.replace(path.bytes(), target.bytes()).await };
    let placed = staged.place(sftp, replacing).await;
    placed.map_err(failed(target))?;
    Ok(Written { is_atomic: true })
}

/// Writes over what is there, then cuts it to its length: a full disk, which cutting
/// first would meet with an empty file, takes nothing away.
async fn in_place(
    sftp: &Sftp,
    target: &RemotePath,
    content: &Content,
    how: &How,
) -> Result<Written, FileError> {
    if let Some(expected) = &how.expected {
        expected.check(sftp, target, None).await?;
    }
    if how.cancelled.is_cancelled() {
        return Err(FileError::Cancelled);
    }
    let flags = OpenFlags::WRITE | OpenFlags::CREATE;
    let file = sftp
        .open(
            target.bytes(),
            flags,
            permissions(how.mode.unwrap_or(NEW_MODE)),
        )
        .await
        .map_err(failed(target))?;
    let lanes = [Lane { sftp, file: &file }];
    let writing = async {
        let size = tokio::select! {
            biased;
            () = how.cancelled.cancelled() => {
                return Err(SftpError::Local("it was stopped".into()));
            }
            size = content.write(&lanes, 0, &how.sent) => size?,
        };
        let cut = Attributes {
            size: Some(size),
            permissions: how.mode,
            ..Attributes::default()
        };
        sftp.fsetstat(&file, cut).await?;
        if how.syncs {
            sftp.sync(&file).await?;
        }
        Ok(())
    };
    let written = writing.await;
    let closed = sftp.close(file).await;
    written
        .and(closed)
        .map_err(|source| FileError::HalfWritten {
            path: target.to_string(),
            source,
        })?;
    Ok(Written { is_atomic: false })
}

/// Whether the file has this name alone, as far as its folder's listing says.
async fn has_one_name(sftp: &Sftp, target: &RemotePath) -> bool {
    let Some((folder, name)) = target.split() else {
        return false;
    };
    let Ok((entries, _)) = sftp.list(folder.bytes(), NAMES_LOOKED_AT).await else {
        return false;
    };
    let own = entries.iter().find(|one| one.name == name);
    // Some servers' realpath leaves links as they are: those stay links.
    own.is_some_and(|one| one.links == Some(1) && one.attributes.kind() == FileKind::File)
}

fn permissions(mode: u32) -> Attributes {
    Attributes {
        permissions: Some(mode),
        ..Attributes::default()
    }
}
