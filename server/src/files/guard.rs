//! Places on this machine that no tool reads or writes (SECURITY 11).

use std::io;
use std::path::{Path, PathBuf};

use super::error::FileError;

/// The places.
#[derive(Debug, Clone)]
pub struct LocalGuard(Vec<PathBuf>);

impl LocalGuard {
    /// `denied` are files and folders.
    pub fn new(denied: impl IntoIterator<Item = PathBuf>) -> Self {
        Self(denied.into_iter().collect())
    }

    /// Refuses a path, links resolved, that is such a place or in one.
    pub(super) fn check(&self, path: &Path) -> Result<(), FileError> {
        if self.now().allows(path) {
            return Ok(());
        }
        Err(FileError::Denied {
            path: path.display().to_string(),
        })
    }

    /// The places as links lead there now.
    pub(super) fn now(&self) -> Denied {
        let each = self.0.iter();
        Denied(
            each.flat_map(|path| [Some(path.clone()), real(path).ok()])
                .flatten()
                .collect(),
        )
    }
}

/// The places, by every path that is known to lead there.
#[derive(Debug, Clone)]
pub(super) struct Denied(Vec<PathBuf>);

impl Denied {
    pub(super) fn allows(&self, path: &Path) -> bool {
        !self.0.iter().any(|denied| path.starts_with(denied))
    }
}

/// The path without links; of what is not there, as far as it is.
pub(super) fn real(path: &Path) -> io::Result<PathBuf> {
    match std::fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
                return Err(error);
            };
            // A link that leads nowhere would be written through.
            if std::fs::symlink_metadata(path).is_ok() {
                return Err(error);
            }
            Ok(real(folder)?.join(name))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_denied_place_is_denied_by_every_way_that_leads_there() {
        let home = tempfile::tempdir().unwrap();
        let secret = home.path().join(".ssh");
        std::fs::create_dir(&secret).unwrap();
        std::os::unix::fs::symlink(&secret, home.path().join("way")).unwrap();
        let guard = LocalGuard::new([home.path().join("way")]);
        for (path, is_allowed) in [
            (".ssh", false),
            (".ssh/id", false),
            ("way/id", false),
            ("way/../.ssh/new/deep", false),
            (".sshd", true),
            ("other", true),
        ] {
            let real = real(&home.path().join(path)).unwrap();
            assert_eq!(guard.now().allows(&real), is_allowed, "{path}");
        }
        std::os::unix::fs::symlink("nowhere", home.path().join("dead")).unwrap();
        assert!(super::real(&home.path().join("dead")).is_err());
    }
}
