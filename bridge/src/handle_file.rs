//! Reads the handle, and trusts only a plain file that is ours alone.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags};
use schema::handle::Handle;

/// A handle has under 1 KiB.
const HANDLE_MAX_BYTES: u64 = 64 << 10;

/// Why there is a handle and it is not read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Untrusted(pub(crate) String);

/// The handle, if there is a file.
pub(crate) fn read(path: &Path) -> Result<Option<Handle>, Untrusted> {
    let refuse = |why: &str| Err(Untrusted(format!("the handle {} {why}", path.display())));
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return refuse("is a symbolic link"),
        Err(error) => {
            let error = std::io::Error::from(error);
            return match error.kind() {
                ErrorKind::NotFound | ErrorKind::NotADirectory => Ok(None),
                _ => refuse(&format!("cannot be opened: {error}")),
            };
        }
    };
    let stat = match rustix::fs::fstat(&file) {
        Ok(stat) => stat,
        Err(error) => return refuse(&format!("cannot be looked at: {error}")),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return refuse("is not a regular file");
    }
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        return refuse("belongs to another user");
    }
    if stat.st_mode & 0o077 != 0 {
        return refuse(&format!(
            "can be opened by others (mode {:03o})",
            stat.st_mode & 0o777
        ));
    }
    let mut text = String::new();
    match file.take(HANDLE_MAX_BYTES).read_to_string(&mut text) {
        Ok(_) => match serde_json::from_str(&text) {
            Ok(handle) => Ok(Some(handle)),
            // The words of a parser could quote the token.
            Err(_) => refuse("is not a handle"),
        },
        Err(error) => refuse(&format!("cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_a_plain_file_of_ours_alone_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.json");
        let why = || read(&path).unwrap_err().0;
        assert_eq!(read(&path), Ok(None));
        std::fs::write(&path, r#"{"token":"c0ffee","pid":1,"socket":"/s"}"#).unwrap();
        for mode in [0o644, 0o620, 0o604] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            assert!(why().contains("by others"), "{mode:o}");
        }
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        assert_eq!(read(&path).unwrap().unwrap().socket, "/s");
        std::fs::write(&path, r#"{"token":"c0ffee","pid":"#).unwrap();
        assert!(why().contains("not a handle") && !why().contains("c0ffee"));

        let other = folder.path().join("other");
        std::fs::rename(&path, &other).unwrap();
        symlink(&other, &path).unwrap();
        assert!(why().contains("symbolic link"));
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(why().contains("not a regular file"));
    }
}
