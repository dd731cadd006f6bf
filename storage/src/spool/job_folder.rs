//! The folder of one job: its name, and the files in it.

use std::fs;
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use crate::private_files::{PrivateFileError, io_error};

/// Longer names are no job's; ours have some twenty bytes.
const ID_MAX_BYTES: usize = 64;

/// A job's streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamName {
    /// What it printed.
    Stdout,
    /// What it printed beside that.
    Stderr,
}

/// Where one job's files are. The id was checked, so it names an entry of the
/// spool and nothing else.
#[derive(Debug, Clone)]
pub(super) struct JobFolder {
    spool: PathBuf,
    id: String,
}

impl JobFolder {
    pub(super) fn new(spool: &Path, id: &str) -> Result<Self, SpoolError> {
        if !is_job_id(id) {
            return Err(SpoolError::BadId { id: id.to_owned() });
        }
        Ok(Self {
            spool: spool.to_path_buf(),
            id: id.to_owned(),
        })
    }

    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn path(&self) -> PathBuf {
        self.spool.join(&self.id)
    }

    /// Where it is made, before it has its name.
    pub(super) fn path_while_made(&self) -> PathBuf {
        self.spool.join(format!(".{}.new", self.id))
    }

    /// Where it is removed, when it has its name no more.
    pub(super) fn path_while_removed(&self) -> PathBuf {
        self.spool.join(format!(".{}.gone", self.id))
    }

    pub(super) fn card(&self) -> PathBuf {
        self.path().join(CARD)
    }

    pub(super) fn stream(&self, name: StreamName) -> PathBuf {
        self.path().join(match name {
            StreamName::Stdout => "stdout",
            StreamName::Stderr => "stderr",
        })
    }

    /// Fails unless it is there, and a folder: no link is followed.
    pub(super) fn check(&self) -> Result<(), SpoolError> {
        let path = self.path();
        let found = fs::symlink_metadata(&path).map_err(io_error("look at", &path))?;
        if found.is_dir() {
            return Ok(());
        }
        let expected = "folder";
        Err(PrivateFileError::WrongKind { path, expected }.into())
    }
}

/// The card's file name.
pub(super) const CARD: &str = "card";

/// Whether a folder that is half made or half removed has this name.
pub(super) fn is_leftover(name: &str) -> bool {
    name.starts_with('.')
        && [".new", ".gone"]
            .iter()
            .any(|ending| name.ends_with(ending))
}

fn is_job_id(id: &str) -> bool {
    let fits = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=ID_MAX_BYTES).contains(&id.len()) && id.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cannot_leave_the_spool_is_a_jobs_id() {
        let longest = "a".repeat(64);
        for good in ["job-1a2b-17", "a", "-", longest.as_str()] {
            assert!(is_job_id(good), "{good}");
        }
        let too_long = "a".repeat(65);
        for bad in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a.b",
            "Job-1",
            "a b",
            "a\0",
            "jöb",
            too_long.as_str(),
        ] {
            assert!(!is_job_id(bad), "{bad}");
        }
        assert!(is_leftover(".job-1.new") && is_leftover(".job-1.gone"));
        assert!(!is_leftover("job-1") && !is_leftover(".new-thing"));
    }
}
