//! A log file of bounded size: full, it becomes `NAME.1`, and that `NAME.2`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The files, the newest included.
const FILES: u32 = 3;

/// The size at which a file is full.
pub const FILE_MAX_BYTES: u64 = 5 << 20;

/// The file being written.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    file: File,
    written_bytes: u64,
    max_bytes: u64,
}

impl Rotating {
    /// Appends to the file at `path`, 0600.
    pub fn open(path: &Path, max_bytes: u64) -> io::Result<Self> {
        let file = append(path)?;
        Ok(Self {
            path: path.to_path_buf(),
            written_bytes: file.metadata()?.len(),
            file,
            max_bytes,
        })
    }

    fn rotate(&mut self) -> io::Result<()> {
        let older = |number: u32| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..FILES - 1).rev() {
            rename_if_there(&older(number), &older(number + 1))?;
        }
        rename_if_there(&self.path, &older(1))?;
        self.file = append(&self.path)?;
        self.written_bytes = 0;
        Ok(())
    }
}

impl Write for Rotating {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        let added = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if self.written_bytes > 0 && self.written_bytes.saturating_add(added) > self.max_bytes {
            self.rotate()?;
        }
        let written = self.file.write(text)?;
        self.written_bytes += u64::try_from(written).unwrap_or(0);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
}

fn rename_if_there(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_keeps_its_newest_lines_in_so_many_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.log");
        let mut log = Rotating::open(&path, 20).unwrap();
        for number in 0..50 {
            writeln!(log, "line {number:04}").unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["daemon.log", "daemon.log.1", "daemon.log.2"]);
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "line 0048\nline 0049\n"
        );
    }
}
