//! How far a copy is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Names that are listed; what is more is counted.
const NAMES_MAX: usize = 1_000;

/// Of a name that is listed, in characters.
const SHOWN_CHARS: usize = 300;

/// Counts along while files are copied.
#[derive(Debug, Default)]
pub struct Tally {
    /// Contents that arrived, in bytes.
    pub(super) bytes: Arc<AtomicU64>,
    files: AtomicU64,
    skipped: Mutex<Names>,
    in_place: Mutex<Names>,
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
    /// What was not, each with the reason.
    pub skipped: Vec<String>,
    /// Files that were written in place.
    pub in_place: Vec<String>,
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
            in_place: lock(&self.in_place).sorted(),
        }
    }

    /// A file is whole at its place.
    pub(super) fn has_file(&self) {
        self.files.fetch_add(1, Ordering::Relaxed);
    }

    /// `name` is left out.
    pub(super) fn skip(&self, name: &str, why: &str) {
        let name: String = name.chars().take(SHOWN_CHARS).collect();
        lock(&self.skipped).add(format!("{name}: {why}"));
    }

    /// `name` was written in place.
    pub(super) fn in_place(&self, name: &str) {
        lock(&self.in_place).add(name.chars().take(SHOWN_CHARS).collect());
    }
}

fn lock(names: &Mutex<Names>) -> MutexGuard<'_, Names> {
    names.lock().unwrap_or_else(PoisonError::into_inner)
}
