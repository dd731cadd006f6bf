//! A database opened and checked in memory first. redb's own integrity check
//! repairs, and so writes, before it knows whether the file can be trusted.

use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::Path;
use std::sync::OnceLock;

use redb::backends::{FileBackend, InMemoryBackend};
use redb::{BackendError, Builder, Database, StorageBackend};

use super::fault::{DatabaseFault, contained};
use crate::private_files::open_file;

/// Above this a rehearsal would take too much memory and time, and redb's own
/// check, which may write into a damaged file, must do. No state comes near it;
/// the audit of a busy month does.
const REHEARSAL_MAX_BYTES: u64 = 64 << 20;

/// Opens the file's content in memory, all checksums verified, and hands the
/// database back; `None` when the file is too large for that. The file itself
/// is locked meanwhile and not written.
pub(crate) fn rehearse(path: &Path) -> Result<Option<Database>, DatabaseFault> {
    let file = open_file(path)?;
    let length = file.metadata().map_err(DatabaseFault::Io)?.len();
    if length == 0 {
        return Err(DatabaseFault::Damaged("the file is empty".into()));
    }
    if length > REHEARSAL_MAX_BYTES {
        return Ok(None);
    }
    contained(|| {
        let database = Builder::new()
            .set_cache_size(1 << 20)
            .set_check_integrity_on_open(true)
            .create_with_backend(Rehearsal::new(file)?)?;
        Ok(Some(database))
    })
}

/// Locks the file, reads it once, and keeps every write to itself.
#[derive(Debug)]
struct Rehearsal {
    file: FileBackend,
    memory: OnceLock<InMemoryBackend>,
}

impl Rehearsal {
    fn new(file: File) -> Result<Self, DatabaseFault> {
        Ok(Self {
            file: FileBackend::new(file)?,
            memory: OnceLock::new(),
        })
    }

    /// The copy, made at the first touch: that is after the lock was taken.
    fn memory(&self) -> io::Result<&InMemoryBackend> {
        if let Some(memory) = self.memory.get() {
            return Ok(memory);
        }
        let length = self.file.len()?;
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read(0, &mut bytes)?;
        let memory = InMemoryBackend::new();
        memory.set_len(length)?;
        memory.write(0, &bytes)?;
        Ok(self.memory.get_or_init(|| memory))
    }
}

impl StorageBackend for Rehearsal {
    fn len(&self) -> io::Result<u64> {
        self.memory()?.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let memory = self.memory()?;
        let wanted = u64::try_from(out.len()).map_err(io::Error::other)?;
        let there = memory.len()?.saturating_sub(offset);
        // The in-memory backend panics where a file would come to its end.
        if wanted > there {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        memory.read(offset, out)
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.memory()?.set_len(length)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory()?.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}
