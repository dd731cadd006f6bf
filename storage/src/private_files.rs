//! Files and folders that only their owner may touch: made 0600 and 0700,
//! opened without following links, replaced in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Why a private file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum PrivateFileError {
    /// The system refused.
    #[error("cannot {doing} {}", path.display())]
    Io {
        /// What was tried, as a verb.
        doing: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// It belongs to somebody else.
    #[error("{} belongs to user {owner}, not to user {own}", path.display())]
    ForeignOwner {
        /// The file or folder.
        path: PathBuf,
        /// Whose it is, a user number.
        owner: u32,
        /// Who asked, a user number.
        own: u32,
    },
    /// It is a symbolic link, or of another kind than expected.
    #[error("{} is no {expected}", path.display())]
    WrongKind {
        /// What was found.
        path: PathBuf,
        /// `plain file` or `folder`.
        expected: &'static str,
    },
    /// Anybody may change the folder's entries.
    #[error("{} may be written by other users", path.display())]
    WritableByOthers {
        /// The folder.
        path: PathBuf,
    },
}

impl PrivateFileError {
    /// Whether nothing is there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Makes the folder and those above it, each new one 0700. One that exists is
/// kept if others cannot write it: our own loses their right to write, a
/// shared one must be sticky, as the system's temporary folder is.
pub fn make_folder(path: &Path) -> Result<(), PrivateFileError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(io_error("make", path))?;
    check_folder(path)
}

/// Creates a file, 0600, that must not exist yet, links included.
pub fn create_file(path: &Path) -> Result<File, PrivateFileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(io_error("create", path))
}

/// Opens an existing file to read and write it. Links are not followed, the
/// owner must be the caller, and rights of others are taken away.
pub fn open_file(path: &Path) -> Result<File, PrivateFileError> {
    open_with(path, OpenOptions::new().read(true).write(true))
}

/// Opens an existing file to append to it, by the rules of [`open_file`].
pub fn open_to_append(path: &Path) -> Result<File, PrivateFileError> {
    open_with(path, OpenOptions::new().read(true).append(true))
}

/// Opens an existing file to read it, by the rules of [`open_file`].
pub(crate) fn open_to_read(path: &Path) -> Result<File, PrivateFileError> {
    open_with(path, OpenOptions::new().read(true))
}

/// Reads a whole file of at most `limit_bytes`, by the rules of
/// [`open_file`]. A longer one is an error.
pub fn read(path: &Path, limit_bytes: u64) -> Result<Vec<u8>, PrivateFileError> {
    use std::io::Read as _;
    let file = open_to_read(path)?;
    let mut bytes = Vec::new();
    let read = file.take(limit_bytes.saturating_add(1));
    { read }
        .read_to_end(&mut bytes)
        .map_err(io_error("read", path))?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > limit_bytes {
        let source = io::Error::new(
            io::ErrorKind::FileTooLarge,
            format!("longer than {limit_bytes} bytes"),
        );
        return Err(io_error("read", path)(source));
    }
    Ok(bytes)
}

/// Replaces the file's content in one step: a reader, or a start after a
/// crash, finds the old or the new content, whole. Durable when it returns.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let beside = temporary_beside(path)?;
    let written = create_file(&beside).and_then(|mut file| {
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", &beside))
    });
    let renamed = written.and_then(|()| rename(&beside, path));
    if renamed.is_err() {
        discard(&beside);
    }
    renamed
}

/// The same for what need not outlive a power cut: the kill of a process finds
/// the old or the new content, whole; after a power cut there may be neither.
pub(crate) fn replace_without_sync(path: &Path, bytes: &[u8]) -> Result<(), PrivateFileError> {
    let beside = temporary_beside(path)?;
    let written = create_file(&beside)
        .and_then(|mut file| file.write_all(bytes).map_err(io_error("write", &beside)));
    let renamed =
        written.and_then(|()| fs::rename(&beside, path).map_err(io_error("rename", &beside)));
    if renamed.is_err() {
        discard(&beside);
    }
    renamed
}

/// As [`replace`], and the new file open to be appended to. What is appended
/// is in the file that has the name, also when the folder could not be synced:
/// that is the second half of the answer.
pub(crate) fn replace_and_append(
    path: &Path,
    bytes: &[u8],
) -> Result<(File, Result<(), PrivateFileError>), PrivateFileError> {
    let beside = temporary_beside(path)?;
    let written = create_file(&beside).and_then(|mut file| {
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(io_error("write", &beside))
    });
    let opened = written.and_then(|()| open_to_append(&beside));
    let renamed = opened.and_then(|file| {
        fs::rename(&beside, path).map_err(io_error("rename", &beside))?;
        Ok(file)
    });
    match renamed {
        Ok(file) => Ok((file, sync_folder(path.parent().unwrap_or(Path::new("."))))),
        Err(error) => {
            discard(&beside);
            Err(error)
        }
    }
}

/// Renames within one folder, durably.
pub fn rename(from: &Path, to: &Path) -> Result<(), PrivateFileError> {
    fs::rename(from, to).map_err(io_error("rename", from))?;
    sync_folder(to.parent().unwrap_or(Path::new(".")))
}

/// Makes the folder's entries durable.
pub fn sync_folder(folder: &Path) -> Result<(), PrivateFileError> {
    if cfg!(not(unix)) {
        return Ok(());
    }
    File::open(folder)
        .and_then(|handle| handle.sync_all())
        .map_err(io_error("sync", folder))
}

/// Removes a file of ours that is of no use any more; that it stays is told
/// in the log and harms nothing.
pub(crate) fn discard(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "a file of no more use stays");
    }
}

pub(crate) fn io_error<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> PrivateFileError + 'a {
    move |source| PrivateFileError::Io {
        doing,
        path: path.to_path_buf(),
        source,
    }
}

/// A name nobody else uses, in the same folder, so that a rename is one step.
fn temporary_beside(path: &Path) -> Result<PathBuf, PrivateFileError> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random)
        .map_err(|error| io_error("name a file beside", path)(io::Error::other(error)))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let unique = u64::from_le_bytes(random);
    Ok(path.with_file_name(format!(".{name}.{unique:016x}.new")))
}

fn open_with(path: &Path, options: &mut OpenOptions) -> Result<File, PrivateFileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // O_NONBLOCK: a FIFO in the file's place must not hang the caller.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path).map_err(|source| {
        if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
            return wrong_kind(path, "plain file");
        }
        io_error("open", path)(source)
    })?;
    let found = file.metadata().map_err(io_error("look at", path))?;
    if !found.is_file() {
        return Err(wrong_kind(path, "plain file"));
    }
    check_file_rights(path, &file, &found)?;
    Ok(file)
}

#[cfg(unix)]
fn check_file_rights(
    path: &Path,
    file: &File,
    found: &fs::Metadata,
) -> Result<(), PrivateFileError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own {
        return Err(foreign(path, found.uid(), own));
    }
    if found.mode() & 0o077 != 0 {
        file.set_permissions(fs::Permissions::from_mode(found.mode() & 0o700))
            .map_err(io_error("close to others", path))?;
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_file_rights(_: &Path, _: &File, _: &fs::Metadata) -> Result<(), PrivateFileError> {
    Ok(())
}

#[cfg(unix)]
fn check_folder(path: &Path) -> Result<(), PrivateFileError> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    let found = fs::metadata(path).map_err(io_error("look at", path))?;
    if !found.is_dir() {
        return Err(wrong_kind(path, "folder"));
    }
    let own = rustix::process::geteuid().as_raw();
    if found.uid() != own && found.uid() != 0 {
        return Err(foreign(path, found.uid(), own));
    }
    let (writable, sticky) = (found.mode() & 0o022 != 0, found.mode() & 0o1000 != 0);
    if !writable || sticky {
        return Ok(());
    }
    if found.uid() != own {
        return Err(PrivateFileError::WritableByOthers {
            path: path.to_path_buf(),
        });
    }
    fs::set_permissions(path, fs::Permissions::from_mode(found.mode() & 0o755))
        .map_err(io_error("close to others", path))
}

#[cfg(not(unix))]
fn check_folder(path: &Path) -> Result<(), PrivateFileError> {
    if path.is_dir() {
        return Ok(());
    }
    Err(wrong_kind(path, "folder"))
}

#[cfg(unix)]
fn foreign(path: &Path, owner: u32, own: u32) -> PrivateFileError {
    PrivateFileError::ForeignOwner {
        path: path.to_path_buf(),
        owner,
        own,
    }
}

fn wrong_kind(path: &Path, expected: &'static str) -> PrivateFileError {
    PrivateFileError::WrongKind {
        path: path.to_path_buf(),
        expected,
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn what_is_made_is_its_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("a/b");
        make_folder(&folder).unwrap();
        let file = folder.join("f");
        replace(&file, b"one").unwrap();
        replace(&file, b"two").unwrap();
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert_eq!(read(&file, 3).unwrap(), b"two");
        assert!(read(&file, 2).is_err());
        assert_eq!(
            fs::read_dir(&folder).unwrap().count(),
            1,
            "nothing is left beside"
        );
    }

    #[test]
    fn rights_of_others_are_taken_away_when_a_file_is_opened() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("f");
        fs::write(&file, "x").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        open_file(&file).unwrap();
        assert_eq!(mode(&file), 0o600);
    }

    #[test]
    fn a_link_a_folder_and_a_pipe_are_no_files() {
        let home = tempfile::tempdir().unwrap();
        let (file, link) = (home.path().join("f"), home.path().join("l"));
        fs::write(&file, "x").unwrap();
        symlink(&file, &link).unwrap();
        for path in [link.as_path(), home.path()] {
            let refused = open_file(path).unwrap_err();
            assert!(!refused.is_not_found(), "{refused}");
        }
        assert!(matches!(
            read(&link, 9),
            Err(PrivateFileError::WrongKind { .. })
        ));
        assert!(create_file(&link).is_err());
        assert!(
            open_file(&home.path().join("none"))
                .unwrap_err()
                .is_not_found()
        );
    }

    #[test]
    fn our_own_folder_is_closed_to_writers_and_a_sticky_one_is_taken_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        make_folder(home.path()).unwrap();
        assert_eq!(mode(home.path()), 0o755);
        make_folder(Path::new("/tmp")).unwrap();
    }
}
