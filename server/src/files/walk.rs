//! Walks a local folder in a thread of its own, ahead of what is sent.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use tokio::sync::mpsc;

use super::content::Content;
use super::guard::{Denied, LocalGuard};
use super::tally::Tally;

/// Found and not sent yet: each has a small file's content at most.
const AHEAD: usize = 64;

/// A file that is read whole at once, in bytes.
const SMALL_BYTES: u64 = 256 << 10;

/// Bits of a mode that are copied: none that make a program another user's.
const MODE_BITS: u32 = 0o777;

/// What was found below the folder, itself first; a folder comes before what it has.
#[derive(Debug)]
pub(super) enum Found {
    Folder {
        /// Its path below the first one; empty for that.
        below: Vec<u8>,
        mode: u32,
    },
    File {
        below: Vec<u8>,
        mode: u32,
        content: Content,
    },
}

/// Walks `folder`, whose links are resolved.
pub(super) fn walk(folder: PathBuf, guard: LocalGuard, tally: Arc<Tally>) -> mpsc::Receiver<Found> {
    let (found, taken) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        let walk = Walk {
            guard: guard.now(),
            tally,
            found,
        };
        walk.folder(&folder, b"");
    });
    taken
}

struct Walk {
    guard: Denied,
    tally: Arc<Tally>,
    found: mpsc::Sender<Found>,
}

impl Walk {
    /// False once nobody takes what is found.
    fn folder(&self, folder: &Path, below: &[u8]) -> bool {
        let shown = || match below {
            [] => folder.display().to_string(),
            below => String::from_utf8_lossy(below).into_owned(),
        };
        let listed = fs::metadata(folder).and_then(|found| Ok((found, fs::read_dir(folder)?)));
        let (metadata, entries) = match listed {
            Ok(listed) => listed,
            Err(error) => {
                self.tally.fail(&shown(), &error.to_string());
                return true;
            }
        };
        let mode = metadata.mode() & MODE_BITS;
        if !self.send(Found::Folder {
            below: below.to_vec(),
            mode,
        }) {
            return false;
        }
        let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
        names.sort();
        names
            .iter()
            .all(|name| self.entry(&folder.join(name), below))
    }

    fn entry(&self, path: &Path, folder_below: &[u8]) -> bool {
        let name = path.file_name().unwrap_or_default();
        let Some(name) = name.to_str() else {
            self.tally
                .skip(&name.to_string_lossy(), "its name is not UTF-8");
            return true;
        };
        let below = match folder_below {
            [] => name.as_bytes().to_vec(),
            folder => [folder, b"/", name.as_bytes()].concat(),
        };
        let shown = String::from_utf8_lossy(&below).into_owned();
        if !self.guard.allows(path) {
            self.tally.skip(&shown, "a place that no tool reads");
            return true;
        }
        let metadata = match fs::symlink_metadata(path) {
            Ok(metadata) => metadata,
            Err(error) => {
                self.tally.fail(&shown, &error.to_string());
                return true;
            }
        };
        if metadata.is_dir() {
            return self.folder(path, &below);
        }
        if !metadata.is_file() {
            let what = if metadata.is_symlink() {
                "a symlink"
            } else {
                "no regular file"
            };
            self.tally.skip(&shown, what);
            return true;
        }
        match open(path) {
            Ok((content, mode)) => self.send(Found::File {
                below,
                mode,
                content,
            }),
            Err(error) => {
                self.tally.fail(&shown, &error.to_string());
                true
            }
        }
    }

    fn send(&self, found: Found) -> bool {
        self.found.blocking_send(found).is_ok()
    }
}

/// A regular file's content and mode. One that became a link or a pipe meanwhile is
/// refused, and not waited for.
pub(super) fn open(path: &Path) -> io::Result<(Content, u32)> {
    let mut file = File::options()
        .read(true)
        .custom_flags(i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0))
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("no regular file"));
    }
    let mode = metadata.mode() & MODE_BITS;
    if metadata.len() > SMALL_BYTES {
        return Ok((Content::File(Arc::new(file)), mode));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    let read = file
        .by_ref()
        .take(SMALL_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if read as u64 > SMALL_BYTES {
        return Ok((Content::File(Arc::new(file)), mode));
    }
    Ok((Content::Bytes(bytes.into()), mode))
}
