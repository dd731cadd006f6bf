//! The handle's file: written atomically, watched while the daemon lives, and
//! taken away at its end. Only the holder of the lock touches it.

use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use schema::handle::Handle;
use tokio_util::sync::CancellationToken;

/// How often the file is looked at: a stat, and bridges wait longer than this.
const LOOK_EVERY: Duration = Duration::from_secs(3);

/// The file and what it must say.
#[derive(Debug)]
pub struct HandleFile {
    path: PathBuf,
    handle: Handle,
}

impl HandleFile {
    /// Writes it. A link or another user's file of that name is replaced, not
    /// followed.
    pub fn write(path: &Path, handle: Handle) -> io::Result<Self> {
        let file = Self {
            path: path.to_path_buf(),
            handle,
        };
        replace(&file.path, file.handle.to_file_text().as_bytes())?;
        Ok(file)
    }

    /// Writes it again whenever it is gone or no longer ours, until `stop`.
    pub async fn watch(&self, stop: &CancellationToken) {
        let mut told = false;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            if self.is_ours() {
                told = false;
                continue;
            }
            match replace(&self.path, self.handle.to_file_text().as_bytes()) {
                Ok(()) => tracing::info!("the handle was gone and is written again"),
                Err(error) if !told => {
                    tracing::warn!(%error, "the handle is gone and cannot be written");
                    told = true;
                }
                Err(_told) => {}
            }
        }
    }

    /// Takes the file away if it is this daemon's.
    pub fn remove(&self) {
        let Ok(text) = std::fs::read_to_string(&self.path) else {
            return;
        };
        let ours = serde_json::from_str::<Handle>(&text)
            .is_ok_and(|handle| handle.instance == self.handle.instance);
        if ours && let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(%error, "the handle cannot be removed");
        }
    }

    fn is_ours(&self) -> bool {
        std::fs::symlink_metadata(&self.path).is_ok_and(|found| {
            found.is_file()
                && found.uid() == rustix::process::geteuid().as_raw()
                && found.mode().trailing_zeros() >= 6
        })
    }
}

/// Puts `content` at `path`, 0600, by a rename: a reader sees the old file or
/// the whole new one.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let next = path.with_file_name(format!(".{name}.{}.new", std::process::id()));
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&next)?;
    file.write_all(content)?;
    drop(file);
    std::fs::rename(&next, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use schema::Secret;

    fn handle(instance: &str) -> Handle {
        Handle {
            addr: String::new(),
            socket: "/s".into(),
            token: Secret::new("t".into()),
            pid: 1,
            version: "1".into(),
            instance: instance.into(),
        }
    }

    #[test]
    fn a_link_is_replaced_and_what_it_named_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.json");
        let elsewhere = folder.path().join("elsewhere");
        std::fs::write(&elsewhere, "untouched").unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        let file = HandleFile::write(&path, handle("a")).unwrap();
        assert_eq!(std::fs::read_to_string(&elsewhere).unwrap(), "untouched");
        assert!(file.is_ours());
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        HandleFile::write(&path, handle("b")).unwrap();
        file.remove();
        assert!(path.exists(), "another daemon's handle stays");
    }

    #[tokio::test(start_paused = true)]
    async fn a_handle_that_disappears_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.json");
        let file = HandleFile::write(&path, handle("a")).unwrap();
        std::fs::remove_file(&path).unwrap();
        let stop = CancellationToken::new();
        let watched = tokio::time::timeout(LOOK_EVERY * 2, file.watch(&stop)).await;
        assert!(watched.is_err() && path.exists());
    }
}
