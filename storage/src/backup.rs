//! Backups of the state: verified copies, three of each schema version.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::database::{contained, open, rehearse};
use crate::private_files::{
    PrivateFileError, create_file, discard, io_error, make_folder, open_file, rename,
};
use crate::state::schema_version;

/// How many of each schema version are kept; of each, so that the days of a
/// new version do not push out the way back to the old one.
const KEPT: usize = 3;

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The copy could not be made.
    #[error("the copy could not be made")]
    Copy(#[from] PrivateFileError),
    /// The copy was made and is not good.
    #[error("the copy is not good: {0}")]
    NotGood(String),
}

/// One backup, by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Backup {
    /// When it was made, Unix time in milliseconds.
    pub made_at_ms: i64,
    /// Its schema version.
    pub version: u32,
    /// The file.
    pub path: PathBuf,
}

/// The folder of a state's backups.
#[derive(Debug, Clone)]
pub struct Backups {
    folder: PathBuf,
}

impl Backups {
    /// Does not look at the folder yet.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// All there are, newest first. An unreadable folder has none.
    pub fn list(&self) -> Vec<Backup> {
        let entries = fs::read_dir(&self.folder).into_iter().flatten();
        let mut found: Vec<Backup> = entries
            .filter_map(|entry| parse_name(entry.ok()?.path()))
            .collect();
        found.sort_by(|a, b| b.cmp(a));
        found
    }

    /// The newest that opens, passes the integrity check, and has a schema of
    /// at most `version`.
    pub fn newest_good(&self, version: u32) -> Option<PathBuf> {
        self.list()
            .into_iter()
            .filter(|backup| backup.version <= version)
            .find(|backup| verify(&backup.path, backup.version).is_ok())
            .map(|backup| backup.path)
    }

    /// Whether the newest is older than `every_ms`. One from the future, left
    /// by a clock that ran ahead, counts as old.
    pub(crate) fn is_due(&self, now_ms: i64, every_ms: i64) -> bool {
        let newest = self.list().first().map(|backup| backup.made_at_ms);
        newest.is_none_or(|at| at > now_ms || now_ms.saturating_sub(at) >= every_ms)
    }

    /// Copies a state that nobody has open, verifies the copy, and removes the
    /// oldest of those with the same schema beyond three. `version` is the
    /// schema version, `now_ms` Unix time in milliseconds.
    pub fn make(&self, state: &Path, version: u32, now_ms: i64) -> Result<PathBuf, BackupError> {
        make_folder(&self.folder)?;
        let path = self.folder.join(format!("state-v{version}-{now_ms}.redb"));
        let beside = self.folder.join(".copy.new");
        discard(&beside);
        let made = copy(state, &beside)
            .and_then(|()| verify(&beside, version))
            .and_then(|()| Ok(rename(&beside, &path)?));
        if let Err(error) = made {
            discard(&beside);
            return Err(error);
        }
        self.drop_oldest(version, &path);
        Ok(path)
    }

    fn drop_oldest(&self, version: u32, newest: &Path) {
        let same = self
            .list()
            .into_iter()
            .filter(|backup| backup.version == version);
        for backup in same.filter(|backup| backup.path != newest).skip(KEPT - 1) {
            discard(&backup.path);
        }
    }
}

/// `state-v1-1700000000000.redb`.
fn parse_name(path: PathBuf) -> Option<Backup> {
    let name = path.file_name()?.to_str()?;
    let middle = name.strip_prefix("state-v")?.strip_suffix(".redb")?;
    let (version, made_at_ms) = middle.split_once('-')?;
    Some(Backup {
        made_at_ms: made_at_ms.parse().ok()?,
        version: version.parse().ok()?,
        path,
    })
}

fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let mut source = open_file(from)?;
    let mut target: File = create_file(to)?;
    io::copy(&mut source, &mut target)
        .and_then(|_| target.sync_all())
        .map_err(io_error("write", to))?;
    Ok(())
}

fn verify(path: &Path, version: u32) -> Result<(), BackupError> {
    let found = rehearse(path).and_then(|rehearsed| {
        let database = match rehearsed {
            Some(database) => database,
            None => open(path)?,
        };
        contained(|| schema_version(&database))
    });
    match found {
        Ok(found) if found == version => Ok(()),
        Ok(found) => Err(BackupError::NotGood(format!(
            "it has schema version {found}, not {version}"
        ))),
        Err(fault) => Err(BackupError::NotGood(fault.to_string())),
    }
}
