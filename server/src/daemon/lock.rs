//! The daemon's lock: held by flock as long as the process lives, so a killed
//! daemon leaves none behind.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, OFlags, flock};

/// The lock; dropped, it is free.
#[derive(Debug)]
pub struct DaemonLock {
    _file: File,
}

/// Why the lock was not had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another daemon lives.
    #[error("another daemon runs: it holds {0}")]
    Held(PathBuf),
    /// The file cannot be had.
    #[error("cannot lock {0}")]
    Io(PathBuf, #[source] io::Error),
}

impl DaemonLock {
    /// Takes the lock, or leaves everything as it is.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |error| LockError::Io(path.to_path_buf(), error);
        let no_links = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(no_links)
            .open(path)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(LockError::Held(path.to_path_buf()));
            }
            Err(error) => return Err(failed(error.into())),
        }
        // Not a bare number: the Go program's launcher kills what is one.
        file.set_len(0).map_err(failed)?;
        writeln!(file, "remote-shell-mcpd pid={}", std::process::id()).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_gets_nothing_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.lock");
        let first = DaemonLock::take(&path).unwrap();
        let content = std::fs::read_to_string(&path).unwrap();
        assert!(content.trim().parse::<i64>().is_err());
        assert!(matches!(DaemonLock::take(&path), Err(LockError::Held(_))));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
        drop(first);
        DaemonLock::take(&path).unwrap();
    }
}
