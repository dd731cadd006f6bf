//! Opening the state: what is there is opened, refused or migrated; only where
//! nothing is, something is made.

use std::path::{Path, PathBuf};

use redb::Database;

use super::error::OpenError;
use super::picture::{Picture, read_picture};
use super::tables::{SCHEMA_VERSION, schema_version, written_by};
use crate::backup::Backups;
use crate::database::{Cause, DatabaseFault, contained, create, open as open_database};
use crate::import::{ImportReport, Imported};
use crate::migrate::{self, CHAIN};
use crate::private_files::make_folder;

/// Where the state is and who opens it.
#[derive(Debug, Clone)]
pub struct StateOptions {
    /// `state.redb`.
    pub path: PathBuf,
    /// Where its backups go.
    pub backups_folder: PathBuf,
    /// The Go program's `state.json`, to import if there is no state yet. A
    /// path where nothing is counts as none.
    pub go_state: Option<PathBuf>,
    /// This program's version, for error texts and for the file.
    pub program_version: String,
    /// Unix time in milliseconds: the names of backups, and when what is
    /// imported counts as created.
    pub now_ms: i64,
}

/// How the state was found.
#[derive(Debug)]
pub struct Opened {
    /// All of it.
    pub picture: Picture,
    /// There was none, and an empty or imported one was made.
    pub created: bool,
    /// The schema version that it had, if it had an older one.
    pub migrated_from: Option<u32>,
    /// A backup that was made now: before a migration, or as the day's.
    pub backup: Option<PathBuf>,
    /// What came from the Go program's file.
    pub imported: Option<ImportReport>,
}

/// A day: a state that was not backed up for as long is, at the next start, so
/// that there is a backup to offer when the file is damaged.
const BACKUP_EVERY_MS: i64 = 24 * 60 * 60 * 1000;

pub(super) fn open(options: &StateOptions) -> Result<(Database, Opened), OpenError> {
    let path = options.path.as_path();
    make_folder(path.parent().unwrap_or(Path::new(".")))?;
    let there = match path.symlink_metadata() {
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(source) => {
            return Err(OpenError::Disk {
                path: path.to_path_buf(),
                source: source.into(),
            });
        }
    };
    let (created, imported) = if there {
        (false, None)
    } else {
        (true, make(options)?)
    };
    let backups = Backups::new(options.backups_folder.clone());
    let refused = |fault| refusal(path, &backups, fault);
    let database = open_database(path).map_err(refused)?;
    let found = contained(|| schema_version(&database)).map_err(refused)?;
    if found > SCHEMA_VERSION {
        return Err(newer(options, &backups, &database, found));
    }
    let (database, backup) = prepare(options, &backups, database, found, created)?;
    let picture = contained(|| read_picture(&database)).map_err(refused)?;
    let opened = Opened {
        picture,
        created,
        migrated_from: (found < SCHEMA_VERSION).then_some(found),
        backup,
        imported,
    };
    Ok((database, opened))
}

/// Makes the file, with the Go program's content if there is some.
fn make(options: &StateOptions) -> Result<Option<ImportReport>, OpenError> {
    let path = options.path.as_path();
    let imported = match options.go_state.as_deref() {
        Some(json) => Imported::read(json, options.now_ms).map_err(|source| OpenError::Import {
            path: json.to_path_buf(),
            source,
        })?,
        None => None,
    };
    let fill = |write: &redb::WriteTransaction| -> Result<(), FillFault> {
        migrate::run(write, CHAIN, 0, &options.program_version)?;
        let mut edits = imported.iter().flat_map(|imported| &imported.edits);
        edits.try_for_each(|edit| edit.apply(write))?;
        Ok(())
    };
    create(path, fill).map_err(|fault| match fault {
        FillFault::Database(fault) => OpenError::of(path, fault, None),
        FillFault::Migrate(source) => OpenError::Migrate {
            path: path.to_path_buf(),
            source,
        },
        FillFault::Rows(source) => OpenError::Disk {
            path: path.to_path_buf(),
            source,
        },
    })?;
    Ok(imported.map(|imported| imported.report))
}

/// Backs the state up if it is due, and migrates it if it is old.
fn prepare(
    options: &StateOptions,
    backups: &Backups,
    database: Database,
    found: u32,
    created: bool,
) -> Result<(Database, Option<PathBuf>), OpenError> {
    let path = options.path.as_path();
    let migrates = found < SCHEMA_VERSION;
    let due = !created && backups.is_due(options.now_ms, BACKUP_EVERY_MS);
    if !migrates && !due {
        return Ok((database, None));
    }
    // The copy is of a closed file; the daemon's lock keeps others away.
    drop(database);
    let backup = match backups.make(path, found, options.now_ms) {
        Ok(backup) => Some(backup),
        Err(source) if migrates => {
            return Err(OpenError::Backup {
                path: path.to_path_buf(),
                source,
            });
        }
        Err(error) => {
            tracing::warn!(%error, "the day's backup of the state could not be made");
            None
        }
    };
    let again = |fault| refusal(path, backups, fault);
    let database = open_database(path).map_err(again)?;
    if migrates {
        migrate::migrate(&database, CHAIN, found, &options.program_version).map_err(|source| {
            OpenError::Migrate {
                path: path.to_path_buf(),
                source,
            }
        })?;
    }
    Ok((database, backup))
}

fn newer(options: &StateOptions, backups: &Backups, database: &Database, found: u32) -> OpenError {
    OpenError::Newer {
        path: options.path.clone(),
        found,
        supported: SCHEMA_VERSION,
        written_by: written_by(database),
        program_version: options.program_version.clone(),
        backup: backups.newest_good(SCHEMA_VERSION),
    }
}

fn refusal(path: &Path, backups: &Backups, fault: DatabaseFault) -> OpenError {
    let backup = match &fault {
        DatabaseFault::Damaged(_) => backups.newest_good(SCHEMA_VERSION),
        _ => None,
    };
    OpenError::of(path, fault, backup)
}

/// What may go wrong while a new file is filled.
enum FillFault {
    Database(DatabaseFault),
    Migrate(migrate::MigrateError),
    Rows(Cause),
}

impl From<DatabaseFault> for FillFault {
    fn from(fault: DatabaseFault) -> Self {
        Self::Database(fault)
    }
}

impl From<migrate::MigrateError> for FillFault {
    fn from(fault: migrate::MigrateError) -> Self {
        Self::Migrate(fault)
    }
}

impl From<Cause> for FillFault {
    fn from(fault: Cause) -> Self {
        Self::Rows(fault)
    }
}
