//! Files that a spec or `ssh_config` names: read whole, within a bound, and
//! never waited for. A name may lead to a pipe or to `/dev/zero`.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

/// An open regular file.
#[derive(Debug)]
pub(super) struct NamedFile {
    file: File,
    found: Metadata,
}

impl NamedFile {
    /// Opens the file at `path`; none where something else is there: a folder,
    /// a pipe, a device. Blocking.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        // Opening a device may do something, so it is looked at first.
        if !std::fs::metadata(path)?.is_file() {
            return Ok(None);
        }
        let nonblocking = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(nonblocking)
            .open(path)?;
        let found = file.metadata()?;
        Ok(found.is_file().then_some(Self { file, found }))
    }

    /// Of what is open, whatever the name leads to by now.
    pub(super) fn metadata(&self) -> &Metadata {
        &self.found
    }

    /// All of it, which is no more than `max` bytes. Blocking.
    pub(super) fn read(self, max: u64) -> io::Result<Vec<u8>> {
        let too_long = || io::Error::other(format!("the file is longer than {max} bytes"));
        if self.found.len() > max {
            return Err(too_long());
        }
        // Room for all of it at once: a key leaves no copies behind.
        let room = usize::try_from(self.found.len()).map_err(io::Error::other)?;
        let mut bytes = Vec::with_capacity(room.saturating_add(1));
        self.file.take(max + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > max) {
            return Err(too_long());
        }
        Ok(bytes)
    }
}

/// The text of a small file: a public key, a certificate. None where there is
/// no such file, or no text in it.
pub(super) async fn short_text(path: PathBuf) -> Option<String> {
    /// No key or certificate is longer.
    const MAX_BYTES: u64 = 1 << 20;
    let reading = tokio::task::spawn_blocking(move || {
        let bytes = NamedFile::open(&path).ok()??.read(MAX_BYTES).ok()?;
        String::from_utf8(bytes).ok()
    });
    reading.await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_nothing_else_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "12345678").unwrap();
        let read = |max| NamedFile::open(&path).unwrap().unwrap().read(max);
        assert_eq!(read(8).unwrap().as_slice(), b"12345678");
        assert!(read(7).unwrap_err().to_string().contains("7 bytes"));
        for other in ["/dev/zero", "/dev/null", "/tmp"] {
            assert!(NamedFile::open(Path::new(other)).unwrap().is_none());
        }
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(NamedFile::open(&pipe).unwrap().is_none());
        let absent = NamedFile::open(&folder.path().join("absent")).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
    }
}
