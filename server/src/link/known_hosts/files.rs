//! The known_hosts files of one dial, read once before it.

use std::io;
use std::path::{Path, PathBuf};

use super::line::{Line, Marker};
use super::place::Place;
use crate::link::error::LinkError;

/// A known_hosts file is at most this long; a longer one is no such file.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// Which files count for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHostsFiles {
    /// Read in this order; a missing file is an empty one.
    pub read: Vec<PathBuf>,
    /// Where a key that the caller accepts is added: our own file, never one
    /// below `~/.ssh`.
    pub accepted: PathBuf,
}

/// What the files say of one host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(super) entries: Vec<Entry>,
}

/// One line that speaks of the host.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) marker: Marker,
    pub(super) key_type: String,
    pub(super) key: String,
    pub(super) place: Place,
}

impl Known {
    /// Reads every line that speaks of the host that known_hosts names
    /// `known_as`.
    pub(crate) async fn read(files: &KnownHostsFiles, known_as: &str) -> Result<Self, LinkError> {
        let mut known = Self::default();
        for path in files.read.iter().chain([&files.accepted]) {
            let text = read_file(path)
                .await
                .map_err(|source| LinkError::KnownHosts {
                    path: path.display().to_string(),
                    source,
                })?;
            known.add(&text, path, known_as);
        }
        Ok(known)
    }

    /// Takes over the lines of `text` that speak of `host`.
    pub(super) fn add(&mut self, text: &str, path: &Path, host: &str) {
        for (at, raw) in text.lines().enumerate() {
            let Some(line) = Line::parse(raw).filter(|line| line.is_for(host)) else {
                continue;
            };
            self.entries.push(Entry {
                marker: line.marker,
                key_type: line.key_type.to_owned(),
                key: line.key.to_owned(),
                place: Place {
                    path: path.display().to_string(),
                    line: at + 1,
                },
            });
        }
    }

    /// The types of the plain keys that are known of the host.
    pub(crate) fn key_types(&self) -> Vec<String> {
        self.entries
            .iter()
            .filter(|entry| entry.marker == Marker::None)
            .map(|entry| entry.key_type.clone())
            .collect()
    }
}

/// The file's text; bytes that are not UTF-8 spoil their own line alone.
async fn read_file(path: &Path) -> io::Result<String> {
    match tokio::fs::metadata(path).await {
        Ok(found) if found.len() > FILE_MAX_BYTES => {
            return Err(io::Error::other(
                "the file is too long for a known_hosts file",
            ));
        }
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error),
    }
    let bytes = tokio::fs::read(path).await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
