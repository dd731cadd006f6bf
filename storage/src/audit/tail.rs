//! `audit.tail`: entries that are not yet in a segment, appended one write(2)
//! each. They survive the process, not the machine.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::chain::{ChainKey, Code};
use super::entry::Entry;
use crate::private_files::{self, PrivateFileError};

const MAGIC: &[u8; 8] = b"RSMTAIL1";

/// Length, number and code around a body.
const FRAME_BYTES: usize = 4 + 8 + 32;

/// Far above any entry: arguments have 64 KiB, a result's head 4.
const BODY_MAX_BYTES: usize = 1 << 20;

/// Far above any tail: 200 ms of calls, or what waits for a failing disk.
const TAIL_MAX_BYTES: u64 = 512 << 20;

/// A tail that is never empty at the end of a fold is written anew from here.
pub(super) const REWRITE_BYTES: u64 = 1 << 20;

/// The open file.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    file: File,
    header: Vec<u8>,
    /// Up to here the file holds whole entries.
    length: u64,
    /// Something stands behind `length` and must go before the next write.
    soiled: bool,
}

impl Tail {
    /// Puts a new tail in the place of the old one: its header, and entries
    /// that are in no segment yet. Durable when it returns.
    pub(super) fn create<'a>(
        path: &Path,
        boot_id: &str,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<Self, PrivateFileError> {
        let (tail, synced) = Self::replace(path, header(boot_id), entries)?;
        synced.map(|()| tail)
    }

    /// Appends whole entries. On an error nothing of them is kept.
    pub(super) fn append(&mut self, frames: &[u8]) -> io::Result<()> {
        if self.soiled {
            self.file.set_len(self.length)?;
            self.soiled = false;
        }
        if let Err(error) = self.file.write_all(frames) {
            self.soiled = self.file.set_len(self.length).is_err();
            return Err(error);
        }
        self.length = self.length.saturating_add(bytes(frames));
        Ok(())
    }

    /// Drops what was folded, when `rest` is all that is not. A crash before
    /// this is harmless: folded entries are known by their numbers.
    pub(super) fn shorten<'a>(
        &mut self,
        rest: impl ExactSizeIterator<Item = &'a Entry>,
    ) -> Result<(), PrivateFileError> {
        if rest.len() == 0 {
            let empty = bytes(&self.header);
            self.soiled = true;
            self.length = empty;
            self.file
                .set_len(empty)
                .map_err(private_files::io_error("shorten", &self.path))?;
            self.soiled = false;
        } else if self.length > REWRITE_BYTES {
            let (tail, synced) = Self::replace(&self.path, self.header.clone(), rest)?;
            return self.install(tail, synced);
        }
        Ok(())
    }

    /// What is appended from now on goes to the file that has the name, also
    /// when the name may not be durable: the old file has none any more.
    fn install(
        &mut self,
        tail: Self,
        synced: Result<(), PrivateFileError>,
    ) -> Result<(), PrivateFileError> {
        *self = tail;
        synced
    }

    /// The new tail is the one to append to from now on, whether or not its
    /// name could be made durable, which is the second half of the answer.
    fn replace<'a>(
        path: &Path,
        header: Vec<u8>,
        entries: impl Iterator<Item = &'a Entry>,
    ) -> Result<(Self, Result<(), PrivateFileError>), PrivateFileError> {
        let mut content = header.clone();
        for entry in entries {
            frame(entry, &mut content);
        }
        let (file, synced) = private_files::replace_and_append(path, &content)?;
        let tail = Self {
            path: path.to_path_buf(),
            file,
            header,
            length: bytes(&content),
            soiled: false,
        };
        Ok((tail, synced))
    }
}

/// An entry as it stands in the file.
pub(super) fn frame(entry: &Entry, to: &mut Vec<u8>) {
    let length = u32::try_from(entry.body.len()).unwrap_or(u32::MAX);
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&entry.number.to_le_bytes());
    to.extend_from_slice(&entry.body);
    to.extend_from_slice(&entry.code);
}

/// What an earlier run left.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Left {
    /// `None` when there was no readable header.
    pub(super) boot_id: Option<String>,
    /// Entries beyond those that are in segments, chained to them.
    pub(super) entries: Vec<Entry>,
    /// Records behind them that are torn or not of the chain.
    pub(super) cut_records: u64,
    /// What was cut is one record that a kill may have torn: Linux stops a
    /// write(2) between two pages when its process is killed.
    pub(super) is_torn_by_kill: bool,
}

/// The smallest page there is; every other is a multiple.
const PAGE_BYTES: usize = 4096;

/// Reads the tail; entries up to `folded` are known already, the next must be
/// chained to `before`. `None` when there is no file.
pub(super) fn read(
    path: &Path,
    key: &ChainKey,
    folded: u64,
    before: Code,
) -> Result<Option<Left>, PrivateFileError> {
    match private_files::read(path, TAIL_MAX_BYTES) {
        Ok(content) => Ok(Some(parse(&content, key, folded, before))),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(content: &[u8], key: &ChainKey, folded: u64, mut before: Code) -> Left {
    let Some((boot_id, mut rest)) = parse_header(content) else {
        return Left {
            cut_records: u64::from(!content.is_empty()),
            ..Left::default()
        };
    };
    let mut left = Left {
        boot_id: Some(boot_id),
        ..Left::default()
    };
    let mut next = folded.saturating_add(1);
    while let Some((entry, after)) = parse_frame(rest) {
        if entry.number >= next {
            if entry.number != next || key.code(&before, next, &entry.body) != entry.code {
                break;
            }
            before = entry.code;
            next = next.saturating_add(1);
            left.entries.push(entry);
        }
        rest = after;
    }
    let is_whole = parse_frame(rest).is_some();
    left.is_torn_by_kill =
        !rest.is_empty() && !is_whole && content.len().is_multiple_of(PAGE_BYTES);
    while !rest.is_empty() {
        left.cut_records += 1;
        rest = parse_frame(rest).map_or(&[], |(_, after)| after);
    }
    left
}

fn header(boot_id: &str) -> Vec<u8> {
    let boot_id: String = boot_id.chars().take(128).collect();
    let length = u32::try_from(boot_id.len()).unwrap_or(0);
    [MAGIC, length.to_le_bytes().as_slice(), boot_id.as_bytes()].concat()
}

fn parse_header(content: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = content.strip_prefix(MAGIC)?.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    let (boot_id, rest) = rest.split_at_checked(length)?;
    Some((String::from_utf8(boot_id.to_vec()).ok()?, rest))
}

fn parse_frame(content: &[u8]) -> Option<(Entry, &[u8])> {
    let (length, rest) = content.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
    if length > BODY_MAX_BYTES || length.saturating_add(FRAME_BYTES) > content.len() {
        return None;
    }
    let (body, rest) = rest.split_at_checked(length)?;
    let (code, rest) = rest.split_first_chunk::<32>()?;
    let entry = Entry {
        number: u64::from_le_bytes(*number),
        body: body.to_vec(),
        code: *code,
    };
    Some((entry, rest))
}

fn bytes(content: &[u8]) -> u64 {
    u64::try_from(content.len()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::chain::GENESIS;

    fn chain(key: &ChainKey, count: u64) -> Vec<Entry> {
        let mut before = GENESIS;
        (1..=count)
            .map(|number| {
                let body = vec![u8::try_from(number).unwrap(); 20];
                before = key.code(&before, number, &body);
                Entry {
                    number,
                    body,
                    code: before,
                }
            })
            .collect()
    }

    #[test]
    fn a_tail_torn_at_any_byte_keeps_its_whole_entries() {
        let key = ChainKey::new(&[7; 32]);
        let entries = chain(&key, 3);
        let mut content = header("boot");
        let mut ends = vec![content.len()];
        for entry in &entries {
            frame(entry, &mut content);
            ends.push(content.len());
        }
        for cut in ends[0]..=content.len() {
            let left = parse(&content[..cut], &key, 0, GENESIS);
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            assert_eq!(left.entries, entries[..whole], "cut at {cut}");
            assert_eq!(left.cut_records, u64::from(!ends.contains(&cut)));
        }
        for cut in 0..ends[0] {
            let left = parse(&content[..cut], &key, 0, GENESIS);
            assert!(left.entries.is_empty() && left.boot_id.is_none());
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_cuts_from_there_on() {
        let key = ChainKey::new(&[7; 32]);
        let entries = chain(&key, 3);
        let mut content = header("boot");
        let start = content.len();
        for entry in &entries {
            frame(entry, &mut content);
        }
        let frame_bytes = (content.len() - start) / 3;
        for at in start..content.len() {
            let mut flipped = content.clone();
            flipped[at] ^= 1;
            let left = parse(&flipped, &key, 0, GENESIS);
            // A number that became smaller reads as one that is known already.
            assert!(
                left.entries.len() <= (at - start) / frame_bytes,
                "flip at {at}"
            );
            assert_eq!(left.entries, entries[..left.entries.len()]);
        }
    }

    #[test]
    fn entries_that_a_segment_has_are_known_by_their_numbers() {
        let key = ChainKey::new(&[7; 32]);
        let entries = chain(&key, 3);
        let mut content = header("boot");
        for entry in &entries {
            frame(entry, &mut content);
        }
        let left = parse(&content, &key, 2, entries[1].code);
        assert_eq!(left.entries, entries[2..]);
        assert!(parse(&content, &key, 3, entries[2].code).entries.is_empty());
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_and_the_next_goes_on() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.tail");
        let key = ChainKey::new(&[7; 32]);
        let entries = chain(&key, 2);
        let mut tail = Tail::create(&path, "boot", entries[..1].iter()).unwrap();
        let writable = std::mem::replace(&mut tail.file, File::open(&path).unwrap());
        let mut next = Vec::new();
        frame(&entries[1], &mut next);
        assert!(tail.append(&next).is_err());
        std::fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut file| file.write_all(&next[..9]))
            .unwrap();
        assert!(tail.append(&next).is_err(), "still full");
        tail.file = writable;
        tail.append(&next).unwrap();
        let left = read(&path, &key, 0, GENESIS).unwrap().unwrap();
        assert_eq!((left.entries, left.cut_records), (entries, 0));
    }

    #[test]
    fn what_is_acknowledged_after_a_folder_could_not_be_synced_is_in_the_file_with_the_name() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.tail");
        let key = ChainKey::new(&[7; 32]);
        let entries = chain(&key, 2);
        let mut tail = Tail::create(&path, "boot", std::iter::empty()).unwrap();
        let (next, synced) = Tail::replace(&path, header("boot"), entries[..1].iter()).unwrap();
        synced.unwrap();
        let failed = private_files::io_error("sync", home.path())(io::ErrorKind::Other.into());
        assert!(tail.install(next, Err(failed)).is_err());
        let mut frames = Vec::new();
        frame(&entries[1], &mut frames);
        tail.append(&frames).unwrap();
        let left = read(&path, &key, 0, GENESIS).unwrap().unwrap();
        assert_eq!(left.entries, entries);
    }
}
