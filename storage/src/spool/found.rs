//! What is in the spool, looked at from outside: cards, sizes, totals.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use super::card::Card;
use super::card_v1::{CARD_MAX_BYTES, ReadCard, decode};
use super::error::SpoolError;
use super::job_folder::{JobFolder, StreamName, is_leftover};
use super::retention::Aged;
use super::stream::StreamFile;
use super::usage::{Usage, allocated};
use crate::private_files::{self, PrivateFileError, io_error};

/// A job that an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub card: Card,
    /// Its output, if it has a file.
    pub stdout: Option<FoundStream>,
    /// The same of its other stream.
    pub stderr: Option<FoundStream>,
}

/// A stream that an earlier run left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundStream {
    /// It can be read.
    Whole {
        /// Bytes written, lost ones included.
        total: u64,
        /// Bytes that are no longer kept.
        lost: u64,
    },
    /// It is there and cannot be read.
    Damaged {
        /// What is wrong, with the path.
        reason: String,
    },
}

/// A job's folder as retention sees it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) folder: JobFolder,
    pub(super) card: ReadCard,
    /// What it takes of the disk.
    pub(super) bytes: u64,
    /// When any of it was written last, Unix time in milliseconds.
    touched_at_ms: i64,
}

impl Entry {
    /// `runs` if somebody says so. A card without an end is of a job whose end
    /// nobody saw: its last output is the nearest to it. The same goes for
    /// what a newer program wrote.
    pub(super) fn aged(&self, runs: bool) -> Aged {
        let ended_at_ms = match &self.card {
            ReadCard::Known(card) => match card.ended_at_ms() {
                Some(ended_at_ms) => Some(ended_at_ms),
                None if runs => None,
                None => Some(self.touched_at_ms),
            },
            _ if runs => None,
            ReadCard::Newer(_) => Some(self.touched_at_ms),
            ReadCard::Unreadable(_) => Some(i64::MIN),
        };
        Aged {
            ended_at_ms,
            bytes: self.bytes,
        }
    }

    /// With its streams; none if its card is not known.
    pub(super) fn into_found(self) -> Option<Found> {
        let path = self.folder.path();
        match self.card {
            ReadCard::Known(card) => Some(Found {
                card: *card,
                stdout: look_at(&self.folder, StreamName::Stdout),
                stderr: look_at(&self.folder, StreamName::Stderr),
            }),
            ReadCard::Newer(version) => {
                tracing::warn!(path = %path.display(), version, "a newer program's job is left alone");
                None
            }
            ReadCard::Unreadable(reason) => {
                tracing::warn!(path = %path.display(), reason, "a job's card cannot be read");
                None
            }
        }
    }
}

/// Every job's folder. What is none is left alone, links above all.
pub(super) fn entries(spool: &Path) -> Result<Vec<Entry>, SpoolError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(spool).map_err(io_error("list", spool))? {
        let entry = entry.map_err(io_error("list", spool))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        match JobFolder::new(spool, &name) {
            Ok(folder) if is_folder => found.extend(entry_of(folder)),
            _ if is_leftover(&name) => {}
            _ => tracing::warn!(path = %entry.path().display(), "this is no job's output"),
        }
    }
    Ok(found)
}

/// Removes folders that were half made or half removed when the last run
/// ended.
pub(super) fn remove_leftovers(spool: &Path) -> Result<(), SpoolError> {
    for entry in fs::read_dir(spool).map_err(io_error("list", spool))? {
        let entry = entry.map_err(io_error("list", spool))?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && is_leftover(&entry.file_name().to_string_lossy()) {
            remove_all(&entry.path())?;
        }
    }
    Ok(())
}

/// Removes a folder with what is in it; one that is gone is fine.
pub(super) fn remove_all(path: &Path) -> Result<(), SpoolError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("remove", path)(error).into())
        }
        _ => Ok(()),
    }
}

/// What a folder and its files take of the disk, and when they were written
/// last, Unix time in milliseconds.
pub(super) fn measure(path: &Path) -> io::Result<(u64, i64)> {
    let folder = fs::symlink_metadata(path)?;
    let files = fs::read_dir(path)?.map(|file| file.and_then(|file: DirEntry| file.metadata()));
    let (mut bytes, mut touched_at_ms) = (0, i64::MIN);
    for found in std::iter::once(Ok(folder)).chain(files) {
        let found = found?;
        bytes += allocated(&found);
        let since_epoch = found.modified()?.duration_since(UNIX_EPOCH);
        let written_ms = since_epoch.map_or(0, |since| {
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        });
        touched_at_ms = touched_at_ms.max(written_ms);
    }
    Ok((bytes, touched_at_ms))
}

/// None if it was removed meanwhile.
fn entry_of(folder: JobFolder) -> Option<Entry> {
    let path = folder.path();
    let (bytes, touched_at_ms) = match measure(&path) {
        Ok(measured) => measured,
        Err(error) => {
            tracing::debug!(path = %path.display(), %error, "a job's folder went away");
            return None;
        }
    };
    let read = private_files::read(&folder.card(), CARD_MAX_BYTES as u64);
    let card = match read {
        Ok(bytes) => decode(&bytes, folder.id()),
        Err(error) if is_no_card(&error) => ReadCard::Unreadable(schema::Fault::chain(&error)),
        Err(error) => {
            let reason = schema::Fault::chain(&error);
            tracing::warn!(reason, "a job's card cannot be read now; it is left alone");
            return None;
        }
    };
    Some(Entry {
        folder,
        card,
        bytes,
        touched_at_ms,
    })
}

/// Whether what lies there is none, rather than the system short of something:
/// for want of a descriptor no output may go.
fn is_no_card(error: &PrivateFileError) -> bool {
    match error {
        PrivateFileError::Io { source, .. } => matches!(
            source.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::FileTooLarge
        ),
        PrivateFileError::WrongKind { .. } => true,
        _ => false,
    }
}

fn look_at(folder: &JobFolder, name: StreamName) -> Option<FoundStream> {
    match StreamFile::open(folder.stream(name), Usage::default()) {
        Ok(stream) => Some(FoundStream::Whole {
            total: stream.total(),
            lost: stream.lost(),
        }),
        Err(error) if error.is_not_found() => None,
        Err(error) => {
            let reason = schema::Fault::chain(&error);
            tracing::warn!(reason, "a job's output cannot be read");
            Some(FoundStream::Damaged { reason })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_cannot_be_read_just_now_is_no_missing_one() {
        let path = Path::new("/spool/job-1/card");
        let table = [
            (io::ErrorKind::NotFound, true),
            (io::ErrorKind::FileTooLarge, true),
            (io::ErrorKind::PermissionDenied, false),
            (io::ErrorKind::OutOfMemory, false),
            // EMFILE, EIO: they have no kind that is stable.
            (io::ErrorKind::Other, false),
        ];
        for (kind, is_none) in table {
            let error = io_error("read", path)(kind.into());
            assert_eq!(is_no_card(&error), is_none, "{kind}");
        }
    }
}
