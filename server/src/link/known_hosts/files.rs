//! The known_hosts files of one dial, read once before it.

use std::io;
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::public::KeyData;

use super::accepted::AcceptedKeys;
use super::key::Key;
use super::known_as::KnownAs;
use super::line::{Line, Marker};
use super::place::Place;
use crate::link::error::LinkError;
use crate::link::named_file::NamedFile;

/// A known_hosts file is at most this long; a longer one is no such file.
const FILE_MAX_BYTES: u64 = 64 << 20;

/// Which files count for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownHostsFiles {
    /// Read in this order; a missing file is an empty one.
    pub read: Vec<PathBuf>,
    /// Keys that a caller accepted, and where further ones are added.
    pub accepted: AcceptedKeys,
}

/// What the files say of one host.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    host: KnownAs,
    /// Under its own name.
    pub(super) entries: Vec<Entry>,
    /// Off port 22: under the host's name without the port.
    pub(super) without_port: Vec<Entry>,
}

/// One line that speaks of the host.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) marker: Marker,
    pub(super) key: Key,
    pub(super) place: Place,
}

impl Known {
    /// Reads every line that speaks of the host.
    pub(crate) async fn read(
        files: &KnownHostsFiles,
        known_as: &KnownAs,
    ) -> Result<Self, LinkError> {
        let mut known = Self::new(known_as.clone());
        for path in &files.read {
            known.add(&read_file(path).await?, path);
        }
        let accepted = &files.accepted;
        let text = read_file(&accepted.path).await?;
        known.add_if(&text, &accepted.path, Some(accepted));
        Ok(known)
    }

    pub(super) fn new(known_as: KnownAs) -> Self {
        Self {
            host: known_as,
            entries: Vec::new(),
            without_port: Vec::new(),
        }
    }

    /// Of which host.
    pub(crate) fn known_as(&self) -> &KnownAs {
        &self.host
    }

    /// Takes over the lines of `text` that speak of the host.
    pub(super) fn add(&mut self, text: &[u8], path: &Path) {
        self.add_if(text, path, None);
    }

    /// Of our own file, those that count.
    fn add_if(&mut self, text: &[u8], path: &Path, ours: Option<&AcceptedKeys>) {
        let counts = |line: &Line<'_>| ours.is_none_or(|ours| ours.counts(line));
        for (number, raw) in (1..).zip(text.split(|byte| *byte == b'\n')) {
            let Some(line) = Line::parse(raw).filter(counts) else {
                continue;
            };
            let entry = || {
                Some(Entry {
                    marker: line.marker,
                    key: line.key()?,
                    place: Place {
                        path: path.display().to_string(),
                        line: number,
                        is_ours: ours.is_some(),
                    },
                })
            };
            if line.is_for(self.host.entry()) {
                self.entries.extend(entry());
            }
            let without_port = self.host.without_port();
            if without_port.is_some_and(|host| line.is_for(host)) {
                self.without_port.extend(entry());
            }
        }
    }

    /// Those of its name without the port too.
    pub(super) fn every_entry(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().chain(&self.without_port)
    }

    /// The types of the plain keys that are known of the host.
    pub(crate) fn key_types(&self) -> Vec<String> {
        let plain = self.own_else_without_port(Marker::None);
        plain.map(Entry::key_type).collect()
    }

    /// Whether a line names somebody who may sign certificates of the host.
    pub(crate) fn has_authorities(&self) -> bool {
        let mut authorities = self.own_else_without_port(Marker::CertAuthority);
        authorities.next().is_some()
    }

    /// Whether `signer` may sign certificates of the host.
    pub(super) fn has_authority(&self, signer: &KeyData) -> bool {
        let mut authorities = self.own_else_without_port(Marker::CertAuthority);
        authorities.any(|entry| entry.key.data == *signer)
    }

    /// The host's entries with this marker; those of its name without the port
    /// where it has none of its own.
    fn own_else_without_port(&self, marker: Marker) -> impl Iterator<Item = &Entry> {
        let of_marker = move |entry: &&Entry| entry.marker == marker;
        let own = self.entries.iter().any(|entry| of_marker(&entry));
        let entries = if own {
            &self.entries
        } else {
            &self.without_port
        };
        entries.iter().filter(of_marker)
    }
}

impl Entry {
    /// Whether it vouches for a key, rather than against one or for others.
    pub(super) fn is_plain(&self) -> bool {
        self.marker == Marker::None
    }

    /// Whether it vouches for this key.
    pub(super) fn vouches_for(&self, key: &KeyData) -> bool {
        self.is_plain() && !self.key.certificate && self.key.data == *key
    }

    /// Whether it revokes this key.
    pub(super) fn revokes(&self, key: &KeyData) -> bool {
        self.marker == Marker::Revoked && self.key.data == *key
    }

    /// Whether its key is of the type of `key`.
    pub(super) fn is_of_type(&self, key: &KeyData) -> bool {
        !self.key.certificate && self.key.data.algorithm() == key.algorithm()
    }

    fn key_type(&self) -> String {
        self.key.data.algorithm().as_str().to_owned()
    }
}

/// The file's bytes.
async fn read_file(path: &Path) -> Result<Vec<u8>, LinkError> {
    let read = read_bytes(path).await;
    read.map_err(|source| LinkError::KnownHosts {
        path: path.display().to_string(),
        source,
    })
}

async fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    let path = path.to_owned();
    let reading = move || match NamedFile::open(&path) {
        Ok(Some(file)) => file.read(FILE_MAX_BYTES),
        // A folder or a device, /dev/null say, has no lines.
        Ok(None) => Ok(Vec::new()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    };
    tokio::task::spawn_blocking(reading).await?
}
