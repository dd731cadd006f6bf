//! One stream's output: in memory while it is short, in the spool's file once
//! that is made, and in bounded memory again should the disk fail.

use std::io;

use storage::spool::{Part, StreamFile};

use super::kept::Kept;

/// The bytes of one stream. Offsets count raw bytes from its beginning and
/// only grow.
#[derive(Debug, Default)]
pub struct Output {
    file: Option<StreamFile>,
    /// The disk failed: from here on memory goes on.
    disk_failed: bool,
    /// What the file does not have: all of it, or what came after the failure.
    memory: Kept,
}

impl Output {
    /// One that goes on where an earlier run of the daemon left it.
    pub fn of(file: StreamFile) -> Self {
        Self {
            file: Some(file),
            ..Self::default()
        }
    }

    /// Takes over the next bytes: into the page cache, or into memory. Never
    /// waits for a consumer, never grows past its bounds.
    pub fn append(&mut self, bytes: &[u8]) {
        if let Some(file) = &mut self.file
            && !self.disk_failed
        {
            match file.append(bytes) {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(%error, "output goes on in memory");
                    self.disk_failed = true;
                }
            }
        }
        self.memory.append(bytes);
    }

    /// Moves what there is into `file`. Without a file it stays in memory.
    pub fn spill(&mut self, mut file: StreamFile) {
        if self.file.is_some() || self.memory.lost() > 0 {
            return;
        }
        match file.append(&self.memory.read_all(0).data) {
            Ok(()) => {
                self.memory = Kept::default();
                self.file = Some(file);
            }
            Err(error) => tracing::warn!(%error, "output stays in memory"),
        }
    }

    /// Whether all of it is in its file.
    pub fn is_on_disk(&self) -> bool {
        self.file.is_some() && self.memory.total() == 0
    }

    /// Bytes that are in memory.
    pub fn in_memory(&self) -> u64 {
        self.memory.total() - self.memory.lost()
    }

    /// Nothing follows: its descriptor goes.
    pub fn seal(&mut self) {
        if let Some(file) = &mut self.file {
            file.seal();
        }
    }

    /// Bytes written so far, dropped ones included.
    pub fn total(&self) -> u64 {
        self.in_file() + self.memory.total()
    }

    /// Up to `max` bytes from `offset`. A piece never spans a gap. Reads a file:
    /// blocking, for microseconds a MiB.
    pub fn read(&self, offset: u64, max: usize) -> io::Result<Part> {
        let before = self.in_file();
        if let Some(file) = &self.file
            && offset < before
        {
            return file.read(offset, max);
        }
        let part = self.memory.read(offset - before, max);
        Ok(Part {
            offset: before + part.offset,
            next_offset: before + part.next_offset,
            ..part
        })
    }

    fn in_file(&self) -> u64 {
        self.file.as_ref().map_or(0, StreamFile::total)
    }
}

#[cfg(test)]
mod tests {
    use storage::spool::{Card, Limits, Spool, StreamName};

    use super::*;

    fn file(folder: &std::path::Path) -> StreamFile {
        let (spool, _) = Spool::open(&folder.join("spool"), Limits::default(), 0).unwrap();
        let card = Card {
            job_id: "job-1".into(),
            tool: "ssh_exec".into(),
            target: "web".into(),
            command: "true".into(),
            raw: false,
            started_at_ms: 0,
            seq: None,
            end: None,
        };
        spool.begin(&card).unwrap();
        spool.create_stream("job-1", StreamName::Stdout).unwrap()
    }

    #[test]
    fn what_moves_to_the_disk_keeps_its_offsets() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::default();
        output.append(b"hello ");
        output.spill(file(folder.path()));
        assert_eq!(output.in_memory(), 0);
        output.append(b"world");
        assert_eq!(output.total(), 11);
        assert_eq!(output.read(4, 4).unwrap().data, b"o wo");
        output.seal();
        let end = output.read(6, 100).unwrap();
        assert_eq!((end.data.as_slice(), end.next_offset), (&b"world"[..], 11));
        assert_eq!(output.read(99, 1).unwrap().offset, 11);
    }

    #[test]
    fn a_disk_that_fails_leaves_memory_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let mut output = Output::default();
        output.append(b"on disk, ");
        output.spill(file(folder.path()));
        output.disk_failed = true;
        output.append(b"in memory");
        assert_eq!(output.read(0, 100).unwrap().data, b"on disk, ");
        let more = output.read(9, 100).unwrap();
        assert_eq!(
            (more.data.as_slice(), more.next_offset),
            (&b"in memory"[..], 18)
        );
        assert_eq!(output.total(), 18);
    }
}
