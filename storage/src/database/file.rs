//! Opening and making a redb file.

use std::path::Path;

use redb::{Builder, Database, WriteTransaction};

use super::fault::{DatabaseFault, contained};
use super::rehearsal::rehearse;
use super::transaction::begin_durable;
use crate::private_files::{self, discard, rename};

/// redb's page cache for one file. Its default is 1 GiB; a state is some
/// hundred KiB, and of a segment a query touches little twice.
const CACHE_BYTES: usize = 16 << 20;

/// Opens an existing file after a rehearsal of the same in memory, so that a
/// damaged file is refused and stays, byte for byte, as it was found.
pub(crate) fn open(path: &Path) -> Result<Database, DatabaseFault> {
    rehearse(path)?;
    open_checked(path, true)
}

/// Opens an existing file without reading all of it. A damaged page is found
/// when it is touched; wrap what reads in [`contained`].
pub(crate) fn open_trusting(path: &Path) -> Result<Database, DatabaseFault> {
    drop(private_files::open_file(path)?);
    open_checked(path, false)
}

fn open_checked(path: &Path, integrity: bool) -> Result<Database, DatabaseFault> {
    contained(|| {
        Ok(Builder::new()
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(integrity)
            .open(path)?)
    })
}

/// Makes a file that must not exist yet: under a temporary name, filled by
/// `fill` in one commit, synced, and only then named `path`.
pub(crate) fn create<E: From<DatabaseFault>>(
    path: &Path,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), E>,
) -> Result<(), E> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{name}.new"));
    discard(&beside);
    let new = private_files::create_file(&beside).map_err(DatabaseFault::from)?;
    let made =
        fill_new(new, fill).and_then(|()| Ok(rename(&beside, path).map_err(DatabaseFault::from)?));
    if made.is_err() {
        discard(&beside);
    }
    made
}

fn fill_new<E: From<DatabaseFault>>(
    new: std::fs::File,
    fill: impl FnOnce(&WriteTransaction) -> Result<(), E>,
) -> Result<(), E> {
    let fault = |error: redb::Error| DatabaseFault::from(error);
    let sync = new.try_clone().map_err(DatabaseFault::Io)?;
    let backend = redb::backends::FileBackend::new(new).map_err(|e| fault(e.into()))?;
    let database = Builder::new()
        .set_cache_size(CACHE_BYTES)
        .create_with_backend(backend)
        .map_err(|e| fault(e.into()))?;
    let write = begin_durable(&database).map_err(|e| fault(e.into()))?;
    fill(&write)?;
    write.commit().map_err(|e| fault(e.into()))?;
    database.close().map_err(|e| fault(e.into()))?;
    sync.sync_all().map_err(DatabaseFault::Io)?;
    Ok(())
}
