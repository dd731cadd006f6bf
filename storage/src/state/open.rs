//! Opening the state: what is there is opened, refused or migrated; only where
//! nothing is, something is made.

use std::path::{Path, PathBuf};

use redb::Database;

use super::error::OpenError;
use super::picture::Picture;
use super::read::read_picture;
use super::tables::{schema_version, written_by};
use crate::backup::Backups;
use crate::database::{Cause, DatabaseFault, contained, create, open as open_database};
use crate::import::{ImportReport, Imported};
use crate::migrate::{self, Migration};
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

/// `chain` is every migration there is; its last is the version to reach.
pub(super) fn open(
    options: &StateOptions,
    chain: &[Migration],
) -> Result<(Database, Opened), OpenError> {
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
        (true, make(options, chain)?)
    };
    let supported = migrate::newest(chain);
    let backups = Backups::new(options.backups_folder.clone());
    let refused = |fault| refusal(path, &backups, supported, fault);
    let database = open_database(path).map_err(refused)?;
    let found = contained(|| schema_version(&database)).map_err(refused)?;
    if found > supported {
        return Err(newer(options, &backups, &database, (found, supported)));
    }
    let (database, backup) = prepare(options, chain, &backups, database, (found, created))?;
    let picture = contained(|| read_picture(&database)).map_err(refused)?;
    let opened = Opened {
        picture,
        created,
        migrated_from: (found < supported).then_some(found),
        backup,
        imported,
    };
    Ok((database, opened))
}

/// Makes the file, with the Go program's content if there is some.
fn make(options: &StateOptions, chain: &[Migration]) -> Result<Option<ImportReport>, OpenError> {
    let path = options.path.as_path();
    let imported = match options.go_state.as_deref() {
        Some(json) => Imported::read(json, options.now_ms).map_err(|source| OpenError::Import {
            path: json.to_path_buf(),
            source,
        })?,
        None => None,
    };
    let fill = |write: &redb::WriteTransaction| -> Result<(), FillFault> {
        migrate::run(write, chain, 0, &options.program_version)?;
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
    chain: &[Migration],
    backups: &Backups,
    database: Database,
    (found, created): (u32, bool),
) -> Result<(Database, Option<PathBuf>), OpenError> {
    let path = options.path.as_path();
    let supported = migrate::newest(chain);
    let migrates = found < supported;
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
    let again = |fault| refusal(path, backups, supported, fault);
    let database = open_database(path).map_err(again)?;
    if migrates {
        migrate::migrate(&database, chain, found, &options.program_version).map_err(|source| {
            OpenError::Migrate {
                path: path.to_path_buf(),
                source,
            }
        })?;
    }
    Ok((database, backup))
}

fn newer(
    options: &StateOptions,
    backups: &Backups,
    database: &Database,
    (found, supported): (u32, u32),
) -> OpenError {
    OpenError::Newer {
        path: options.path.clone(),
        found,
        supported,
        written_by: written_by(database),
        program_version: options.program_version.clone(),
        backup: backups.newest_good(supported),
    }
}

fn refusal(path: &Path, backups: &Backups, supported: u32, fault: DatabaseFault) -> OpenError {
    let backup = match &fault {
        DatabaseFault::Damaged(_) => backups.newest_good(supported),
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

#[cfg(test)]
mod tests {
    use std::io;

    use redb::{ReadableDatabase as _, TableDefinition, WriteTransaction};

    use super::super::tables::SCHEMA_VERSION;
    use super::*;
    use crate::migrate::CHAIN;

    const NEXT: TableDefinition<&str, &str> = TableDefinition::new("next");

    fn to_next(write: &WriteTransaction) -> Result<(), Cause> {
        write.open_table(NEXT)?.insert("made", "by the step")?;
        Ok(())
    }

    fn fails(write: &WriteTransaction) -> Result<(), Cause> {
        to_next(write)?;
        Err(io::Error::other("crash").into())
    }

    /// As a program of one version later would have it.
    fn chain_to_next(apply: fn(&WriteTransaction) -> Result<(), Cause>) -> Vec<Migration> {
        let step = |migration: &Migration| Migration {
            to: migration.to,
            apply: migration.apply,
        };
        let mut chain: Vec<Migration> = CHAIN.iter().map(step).collect();
        let to = migrate::newest(&chain) + 1;
        chain.push(Migration { to, apply });
        chain
    }

    fn options(home: &Path) -> StateOptions {
        StateOptions {
            path: home.join("state.redb"),
            backups_folder: home.join("backups"),
            go_state: None,
            program_version: "1.2.3".into(),
            now_ms: 9,
        }
    }

    #[test]
    fn an_old_state_is_backed_up_and_migrated_and_its_program_refuses_the_new() {
        let home = tempfile::tempdir().unwrap();
        let options = options(home.path());
        drop(open(&options, CHAIN).unwrap());
        let (database, opened) = open(&options, &chain_to_next(to_next)).unwrap();
        assert_eq!(opened.migrated_from, Some(SCHEMA_VERSION));
        let read = database.begin_read().unwrap();
        assert!(
            read.open_table(NEXT)
                .unwrap()
                .get("made")
                .unwrap()
                .is_some()
        );
        drop((read, database));

        let refused = open(&options, CHAIN).unwrap_err();
        let text = refused.to_string();
        assert!(
            text.contains(&format!("schema version {}", SCHEMA_VERSION + 1))
                && text.contains(&format!("knows up to {SCHEMA_VERSION}")),
            "{text}"
        );
        let OpenError::Newer { backup, .. } = refused else {
            panic!("{text}");
        };
        assert!(backup == opened.backup && backup.is_some());
        std::fs::copy(backup.unwrap(), &options.path).unwrap();
        assert!(open(&options, CHAIN).is_ok(), "the way back");
    }

    #[test]
    fn a_step_that_fails_leaves_the_old_schema_and_the_next_start_migrates() {
        let home = tempfile::tempdir().unwrap();
        let options = options(home.path());
        drop(open(&options, CHAIN).unwrap());
        let failed = open(&options, &chain_to_next(fails)).unwrap_err();
        assert!(matches!(failed, OpenError::Migrate { .. }), "{failed}");
        assert_eq!(Backups::new(options.backups_folder.clone()).list().len(), 1);
        let (database, opened) = open(&options, CHAIN).unwrap();
        assert!(!opened.created && opened.migrated_from.is_none());
        assert!(database.begin_read().unwrap().open_table(NEXT).is_err());
        drop(database);
        let (_, opened) = open(&options, &chain_to_next(to_next)).unwrap();
        assert_eq!(opened.migrated_from, Some(SCHEMA_VERSION));
    }

    #[test]
    fn a_program_of_version_1_refuses_the_fixture_of_version_2_and_leaves_it() {
        let home = tempfile::tempdir().unwrap();
        let options = options(home.path());
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v2/state.redb");
        std::fs::copy(&fixture, &options.path).unwrap();
        let refused = open(&options, &CHAIN[..1]).unwrap_err();
        let OpenError::Newer {
            found, supported, ..
        } = refused
        else {
            panic!("{refused}");
        };
        assert_eq!((found, supported), (2, 1));
        let (_, opened) = open(&options, CHAIN).unwrap();
        assert_eq!(opened.picture.durable_jobs.len(), 1);
    }
}
