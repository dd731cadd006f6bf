//! What the spool takes of the disk, known without looking: measured when it
//! is tidied, and counted between.

use std::fs::Metadata;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What file systems give out at least, in bytes.
const BLOCK_BYTES: u64 = 4096;

/// The count, shared by the spool and the streams that grow.
#[derive(Debug, Clone, Default)]
pub(super) struct Usage(Arc<AtomicU64>);

impl Usage {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    pub(super) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, bytes: u64) {
        let less = |before: u64| Some(before.saturating_sub(bytes));
        if let Err(unchanged) = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        {
            tracing::debug!(unchanged, "the spool's size was not counted down");
        }
    }
}

/// What a file of so many bytes takes, about.
pub(super) fn rounded(bytes: u64) -> u64 {
    bytes.next_multiple_of(BLOCK_BYTES)
}

/// What a file or folder takes.
#[cfg(unix)]
pub(super) fn allocated(found: &Metadata) -> u64 {
    // st_blocks counts 512 bytes each, whatever the file system's blocks are.
    std::os::unix::fs::MetadataExt::blocks(found) * 512
}

/// What a file or folder takes, about.
#[cfg(not(unix))]
pub(super) fn allocated(found: &Metadata) -> u64 {
    rounded(found.len())
}
