//! Folders on this machine that a copy writes into, each held open: whatever anybody
//! does to names meanwhile, nothing is written outside (FAULTS 41).

use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, mkdirat, open, openat, renameat, statat, unlinkat,
};

use super::hidden::hidden;

/// Bits of a mode that are copied: none that make a program another user's.
const MODE_BITS: u32 = 0o777;

/// An open folder. Its methods block, shortly.
#[derive(Debug, Clone)]
pub(super) struct LocalFolder {
    descriptor: Arc<OwnedFd>,
    /// Links resolved, as it was when it was opened.
    pub(super) path: PathBuf,
}

/// A file that has no name of its own yet; taken away when it is dropped.
#[derive(Debug)]
pub(super) struct LocalStaged {
    folder: LocalFolder,
    hidden: String,
    name: String,
    file: File,
    is_placed: bool,
}

impl LocalFolder {
    /// Opens the folder `path`, links resolved, and makes it with those above it where
    /// they are not there.
    pub(super) fn make(path: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(path)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(Self {
            descriptor: Arc::new(open(path, flags, Mode::empty())?),
            path: path.to_owned(),
        })
    }

    /// The folder `name` in it, made if it is not there; whether it was made.
    pub(super) fn child(&self, name: &str) -> io::Result<(Self, bool)> {
        let is_made = match mkdirat(&self.descriptor, name, Mode::RWXU) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        // A link of that name is no folder.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let child = Self {
            descriptor: Arc::new(openat(&self.descriptor, name, flags, Mode::empty())?),
            path: self.path.join(name),
        };
        Ok((child, is_made))
    }

    /// Sets its mode, as far as it is copied.
    pub(super) fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(fchmod(
            &self.descriptor,
            Mode::from_raw_mode(mode & MODE_BITS),
        )?)
    }

    /// A new file that is to be `name`, for us alone until then.
    pub(super) fn stage(&self, name: &str) -> io::Result<LocalStaged> {
        let hidden = hidden(name)?;
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = openat(&self.descriptor, hidden.as_str(), flags, mode)?;
        Ok(LocalStaged {
            folder: self.clone(),
            hidden,
            name: name.to_owned(),
            file: File::from(file),
            is_placed: false,
        })
    }
}

impl LocalStaged {
    /// Writes at an offset.
    pub(super) fn write(&self, data: &[Bytes], mut offset: u64) -> io::Result<()> {
        for piece in data {
            self.file.write_all_at(piece, offset)?;
            offset += piece.len() as u64;
        }
        Ok(())
    }

    /// It is whole, and takes its name from whatever has it; a folder keeps it.
    pub(super) fn place(mut self, mode: u32) -> io::Result<()> {
        let permissions = Permissions::from_mode(mode & MODE_BITS);
        self.file.set_permissions(permissions)?;
        let folder = &self.folder.descriptor;
        if let Ok(there) = statat(folder, self.name.as_str(), AtFlags::SYMLINK_NOFOLLOW)
            && !is_replaced(FileType::from_raw_mode(there.st_mode))
        {
            return Err(io::Error::other("no regular file has that name already"));
        }
        renameat(folder, self.hidden.as_str(), folder, self.name.as_str())?;
        self.is_placed = true;
        Ok(())
    }
}

/// Devices, pipes and sockets are nobody's to replace.
fn is_replaced(kind: FileType) -> bool {
    matches!(kind, FileType::RegularFile | FileType::Symlink)
}

impl Drop for LocalStaged {
    fn drop(&mut self) {
        if self.is_placed {
            return;
        }
        let folder = &self.folder.descriptor;
        if let Err(error) = unlinkat(folder, self.hidden.as_str(), AtFlags::empty()) {
            tracing::warn!(%error, file = self.hidden, "what was staged stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_is_written_through_a_link_and_what_is_not_placed_is_gone() {
        let outside = tempfile::tempdir().unwrap();
        let inside = tempfile::tempdir().unwrap();
        let folder = LocalFolder::make(inside.path()).unwrap();
        symlink(outside.path(), inside.path().join("way")).unwrap();
        assert!(folder.child("way").is_err());
        let (child, is_made) = folder.child("child").unwrap();
        assert!(is_made && !folder.child("child").unwrap().1);
        // The name leads elsewhere by now; what is open does not.
        std::fs::rename(inside.path().join("child"), inside.path().join("moved")).unwrap();
        symlink(outside.path(), inside.path().join("child")).unwrap();
        let staged = child.stage("file").unwrap();
        staged.write(&[Bytes::from_static(b"data")], 0).unwrap();
        staged.place(0o4755).unwrap();
        let placed = inside.path().join("moved/file");
        assert_eq!(std::fs::read(&placed).unwrap(), b"data");
        assert_eq!(
            placed.metadata().unwrap().permissions().mode() & 0o7777,
            0o755
        );
        // A link of the name is replaced, not followed.
        symlink(outside.path().join("target"), inside.path().join("link")).unwrap();
        folder.stage("link").unwrap().place(0o600).unwrap();
        assert!(
            inside
                .path()
                .join("link")
                .symlink_metadata()
                .unwrap()
                .is_file()
        );
        drop(folder.stage("gone").unwrap());
        assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
        let left = std::fs::read_dir(inside.path()).unwrap().flatten();
        let left: Vec<_> = left
            .filter(|one| one.file_name().to_string_lossy().contains("rsmcp"))
            .collect();
        assert!(left.is_empty(), "{left:?}");
    }
}
