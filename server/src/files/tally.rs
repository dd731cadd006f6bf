//! How far a copy is.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names that are listed; what is more is counted.
const NAMES_MAX: usize = 1_000;

/// Of a name that is listed, in characters.
const SHOWN_CHARS: usize = 300;

/// Names that a sentence has.
const NAMES_SAID: usize = 5;

/// Counts along while files are copied.
#[derive(Debug, Default)]
pub struct Tally {
    /// Contents that arrived, in bytes.
    bytes: Arc<AtomicU64>,
    files: AtomicU64,
    skipped: Mutex<Names>,
    failed: Mutex<Names>,
    in_place: Mutex<Names>,
}

/// The bytes of one file. They count for its copy while they arrive, and no longer once
/// it came to nothing.
#[derive(Debug, Default)]
pub struct FileBytes {
    copied: Arc<AtomicU64>,
    own: AtomicU64,
    is_whole: AtomicBool,
}

#[derive(Debug, Default)]
struct Names {
    named: Vec<String>,
    more: u64,
}

/// What was copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copied {
    /// Contents, in bytes.
    pub bytes: u64,
    /// Files.
    pub files: u64,
    /// What no copy has, each with the reason: links, pipes, odd names.
    pub skipped: Vec<String>,
    /// What could not be copied, each with the reason.
    pub failed: Vec<String>,
    /// Files that were written in place.
    pub in_place: Vec<String>,
}

impl FileBytes {
    /// So many more have arrived.
    pub(super) fn add(&self, count: u64) {
        self.own.fetch_add(count, Ordering::Relaxed);
        self.copied.fetch_add(count, Ordering::Relaxed);
    }
}

impl Drop for FileBytes {
    fn drop(&mut self) {
        if !self.is_whole.load(Ordering::Relaxed) {
            let own = self.own.load(Ordering::Relaxed);
            self.copied.fetch_sub(own, Ordering::Relaxed);
        }
    }
}

impl Names {
    fn add(&mut self, name: String) {
        if self.named.len() < NAMES_MAX {
            self.named.push(name);
        } else {
            self.more += 1;
        }
    }

    fn sorted(&self) -> Vec<String> {
        let mut named = self.named.clone();
        named.sort();
        if self.more > 0 {
            named.push(format!("and {} more", self.more));
        }
        named
    }
}

impl Tally {
    /// So far, in words.
    pub fn words(&self) -> String {
        let (bytes, files) = (
            self.bytes.load(Ordering::Relaxed),
            self.files.load(Ordering::Relaxed),
        );
        format!("{bytes} bytes and {files} files copied so far")
    }

    /// So far.
    pub fn copied(&self) -> Copied {
        Copied {
            bytes: self.bytes.load(Ordering::Relaxed),
            files: self.files.load(Ordering::Relaxed),
            skipped: lock(&self.skipped).sorted(),
            failed: lock(&self.failed).sorted(),
            in_place: lock(&self.in_place).sorted(),
        }
    }

    /// The first of what failed, in words; empty where nothing did.
    pub(super) fn failures(&self) -> String {
        let failed = lock(&self.failed);
        let said = failed.named.iter().take(NAMES_SAID).cloned();
        said.collect::<Vec<_>>().join("; ")
    }

    /// The bytes of a further file.
    pub(super) fn file_bytes(&self) -> FileBytes {
        FileBytes {
            copied: Arc::clone(&self.bytes),
            own: AtomicU64::default(),
            is_whole: AtomicBool::default(),
        }
    }

    /// The file that has these bytes is whole at its place.
    pub(super) fn has_file(&self, bytes: &FileBytes) {
        bytes.is_whole.store(true, Ordering::Relaxed);
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// `name` is left out, as it is in every copy.
    pub(super) fn skip(&self, name: &str, why: &str) {
        lock(&self.skipped).add(reasoned(name, why));
    }

    /// `name` could not be copied.
    pub(super) fn fail(&self, name: &str, why: &str) {
        lock(&self.failed).add(reasoned(name, why));
    }

    /// `name` was written in place.
    pub(super) fn in_place(&self, name: &str) {
        lock(&self.in_place).add(shortened(name));
    }
}

fn reasoned(name: &str, why: &str) -> String {
    format!("{}: {why}", shortened(name))
}

fn shortened(name: &str) -> String {
    name.chars().take(SHOWN_CHARS).collect()
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_file_that_comes_to_nothing_are_taken_back() {
        let tally = Tally::default();
        let (whole, broken) = (tally.file_bytes(), tally.file_bytes());
        whole.add(5);
        broken.add(7);
        assert_eq!(tally.copied().bytes, 12);
        tally.has_file(&whole);
        drop((whole, broken));
        assert_eq!((tally.copied().bytes, tally.copied().files), (5, 1));
    }
}
