//! How much of all streams together may wait for readers that are slow.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// In memory, of all streams, in bytes. What a slow stream has beyond its share
/// goes to the disk.
const MEMORY_MAX: u64 = 64 << 20;

/// On the disk, of all streams, in bytes.
const DISK_MAX: u64 = 1 << 30;

/// The budget of a daemon.
#[derive(Debug)]
pub(super) struct Budget {
    memory: AtomicU64,
    disk: AtomicU64,
    disk_max: u64,
    /// Where what waits is written; its files have no name.
    pub(super) folder: PathBuf,
}

impl Budget {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self {
            memory: AtomicU64::new(0),
            disk: AtomicU64::new(0),
            disk_max: DISK_MAX,
            folder,
        }
    }

    /// The same with another limit for the disk.
    #[cfg(test)]
    pub(super) fn with_disk(folder: PathBuf, disk_max: u64) -> Self {
        Self {
            disk_max,
            ..Self::new(folder)
        }
    }

    /// Whether `bytes` more may be in memory; if so, they are counted.
    pub(super) fn take_memory(&self, bytes: usize) -> bool {
        take(&self.memory, bytes as u64, MEMORY_MAX)
    }

    /// Counts `bytes` in memory that must be there, whatever the limit says.
    pub(super) fn force_memory(&self, bytes: usize) {
        self.memory.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn give_memory(&self, bytes: usize) {
        self.memory.fetch_sub(bytes as u64, Ordering::Relaxed);
    }

    /// Whether `bytes` more may be on the disk; if so, they are counted.
    pub(super) fn take_disk(&self, bytes: u64) -> bool {
        take(&self.disk, bytes, self.disk_max)
    }

    pub(super) fn give_disk(&self, bytes: u64) {
        self.disk.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// What is in memory and on the disk now.
    #[cfg(test)]
    pub(super) fn used(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.memory), read(&self.disk))
    }
}

fn take(count: &AtomicU64, bytes: u64, max: u64) -> bool {
    let fits = |used: u64| Some(used + bytes).filter(|sum| *sum <= max);
    count
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
        .is_ok()
}
