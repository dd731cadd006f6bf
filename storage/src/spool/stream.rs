//! One stream of a job in its file: appended to, read by offset, closed while
//! nobody needs it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::appending::writes;
use super::error::SpoolError;
use super::header::{Header, Span};
use super::layout::{Bounds, HEADER_BYTES, HEADER_LENGTH};
use super::positioned::{read_at, write_at};
use super::usage::{Usage, rounded};
use crate::private_files::{create_file, discard, io_error, open_file, open_to_read};

/// How often a read begins anew when a writer overtook all of it. Even at
/// 1 GiB/s a writer needs milliseconds to go round the ring once.
const OVERTAKEN_MAX: usize = 8;

/// The bytes of one stream, of which the beginning and the end are kept. One
/// handle appends; others may read the same file meanwhile.
///
/// A kill at any moment leaves a file that says the truth, to be gone on with.
#[derive(Debug)]
pub struct StreamFile {
    path: PathBuf,
    /// None while it is sealed.
    file: Option<File>,
    /// As this handle found or wrote it last.
    header: Header,
    usage: Usage,
}

/// A piece of a stream. Offsets count raw bytes from its beginning and only
/// grow.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Part {
    /// The bytes.
    pub data: Vec<u8>,
    /// Where they begin.
    pub offset: u64,
    /// Where the next piece begins.
    pub next_offset: u64,
    /// Bytes between the asked and the given offset that are no longer kept.
    pub lost_bytes: u64,
}

impl StreamFile {
    /// Makes the file, which must not be there yet: whole or, if killed, not
    /// at all.
    pub(super) fn create(path: PathBuf, bounds: Bounds, usage: Usage) -> Result<Self, SpoolError> {
        if path.symlink_metadata().is_ok() {
            return Err(SpoolError::Exists { path });
        }
        let header = Header::new(bounds);
        if !bounds.fit() {
            return Err(SpoolError::damaged(&path, "no file may have such bounds"));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let beside = path.with_file_name(format!(".{name}.new"));
        discard(&beside);
        let made = create_file(&beside).and_then(|file| {
            write_at(&file, &header.encode(), 0).map_err(io_error("write", &beside))?;
            fs::rename(&beside, &path).map_err(io_error("rename", &beside))?;
            Ok(file)
        });
        match made {
            Ok(file) => {
                usage.add(rounded(HEADER_BYTES));
                Ok(Self {
                    path,
                    file: Some(file),
                    header,
                    usage,
                })
            }
            Err(error) => {
                discard(&beside);
                Err(error.into())
            }
        }
    }

    /// Opens what is there, with the bounds that it was made with.
    pub(super) fn open(path: PathBuf, usage: Usage) -> Result<Self, SpoolError> {
        let file = open_file(&path)?;
        let header = read_header(&file, &path)?;
        Ok(Self {
            path,
            file: Some(file),
            header,
            usage,
        })
    }

    /// Adds the next bytes. After an error (a full disk, say) the stream is as
    /// long as before, what it lost of its end may have grown by these bytes'
    /// length, and the next call writes from there. A sealed stream is opened
    /// again.
    pub fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => open_file(&self.path).map_err(SpoolError::from)?,
        };
        let appended = self.append_to(&file, bytes);
        self.file = Some(file);
        appended.map_err(|source| SpoolError::from(io_error("write", &self.path)(source)).into())
    }

    /// Bytes written so far, lost ones included, as this handle knows it.
    pub fn total(&self) -> u64 {
        self.header.total
    }

    /// Bytes that are no longer kept, as this handle knows it.
    pub fn lost(&self) -> u64 {
        self.header.lost()
    }

    /// Up to `max` bytes from `offset`, or from where bytes are kept again. A
    /// piece never spans the gap, and needs no more memory than its bytes. An
    /// empty piece is the end of what is there.
    pub fn read(&self, offset: u64, max: usize) -> io::Result<Part> {
        let opened;
        let file = if let Some(file) = &self.file {
            file
        } else {
            opened = open_to_read(&self.path).map_err(SpoolError::from)?;
            &opened
        };
        let max = u64::try_from(max).unwrap_or(u64::MAX);
        let mut header = read_header(file, &self.path)?;
        for _ in 0..OVERTAKEN_MAX {
            let span = header.span(offset, max);
            let data = self.data(file, header.bounds, span)?;
            header = read_header(file, &self.path)?;
            if let Some(part) = still_kept(header, span, data) {
                return Ok(part);
            }
        }
        let reason = format!("{} is written faster than it is read", self.path.display());
        Err(io::Error::new(io::ErrorKind::ResourceBusy, reason))
    }

    /// Closes the file: an ended job needs no descriptor. A later read opens
    /// it for that read alone.
    pub fn seal(&mut self) {
        self.file = None;
    }

    fn append_to(&mut self, file: &File, bytes: &[u8]) -> io::Result<()> {
        let before = self.header;
        let writes = writes(before, bytes).ok_or(io::ErrorKind::FileTooLarge)?;
        for write in writes {
            write_at(file, &write.bytes, write.position)?;
            self.header = write.then;
        }
        let length = |header: Header| rounded(header.bounds.file_bytes(header.total));
        self.usage.add(length(self.header) - length(before));
        Ok(())
    }

    fn data(&self, file: &File, bounds: Bounds, span: Span) -> Result<Vec<u8>, SpoolError> {
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        let mut data = vec![0; length];
        let (mut at, mut rest) = (span.offset, data.as_mut_slice());
        while !rest.is_empty() {
            let (position, run) = bounds.run(at);
            let run = usize::try_from(run).unwrap_or(usize::MAX).min(rest.len());
            let (now, later) = rest.split_at_mut(run);
            read_at(file, now, position).map_err(io_error("read", &self.path))?;
            at += run as u64;
            rest = later;
        }
        Ok(data)
    }
}

/// The part, less what was written over while it was read; none if that is
/// all of it.
fn still_kept(now: Header, span: Span, mut data: Vec<u8>) -> Option<Part> {
    let next_offset = span.offset + data.len() as u64;
    let gone = if span.offset < now.bounds.head {
        0
    } else {
        now.end_from().saturating_sub(span.offset)
    };
    let cut = usize::try_from(gone).unwrap_or(usize::MAX);
    if cut > 0 && cut >= data.len() {
        return None;
    }
    data.drain(..cut);
    Some(Part {
        data,
        offset: span.offset + gone,
        next_offset,
        lost_bytes: span.lost_bytes + gone,
    })
}

/// A reader beside the writer may see one number of before and one of after a
/// write: what contradicts itself is looked at twice.
fn read_header(file: &File, path: &Path) -> Result<Header, SpoolError> {
    match header_now(file, path) {
        Err(SpoolError::Damaged { .. }) => header_now(file, path),
        read => read,
    }
}

fn header_now(file: &File, path: &Path) -> Result<Header, SpoolError> {
    let mut bytes = [0; HEADER_LENGTH];
    let read = read_at(file, &mut bytes, 0);
    // After the header, for the file grows before the header says so.
    let found = file.metadata().map_err(io_error("look at", path))?;
    match read {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            let reason = format!("it has {} bytes, less than a header", found.len());
            return Err(SpoolError::damaged(path, reason));
        }
        Err(error) => return Err(io_error("read", path)(error).into()),
    }
    Header::decode(&bytes, found.len()).map_err(|reason| SpoolError::damaged(path, reason))
}
