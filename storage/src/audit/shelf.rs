//! All segments of the log: the newest open to be written, others on demand.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::Database;

use super::chain::Code;
use super::entry::{Content, Entry};
use super::error::AuditError;
use super::month::Month;
use super::segment::{self, Beginning, SEGMENT_VERSION};
use crate::database::{DatabaseFault, Durable, contained, open, open_trusting};
use crate::private_files::{io_error, sync_folder};

/// A segment's name. A month has a second part when the first is damaged or
/// has another key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SegmentId {
    pub(super) month: Month,
    part: u32,
}

/// What is behind the newest entry: where the next segment would begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    pub(super) number: u64,
    pub(super) code: Code,
    pub(super) last_seq: u64,
}

/// The segments.
#[derive(Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    /// Oldest first; the last is open in `newest`.
    ids: Vec<SegmentId>,
    newest: Durable,
    /// Older segments that somebody reads, and the one that was read last. A
    /// file is open once in a process: only this closes it, so that no reader
    /// opens one that another is still closing.
    older: BTreeMap<SegmentId, Arc<Database>>,
    read_last: Option<SegmentId>,
    key_id: u64,
}

impl SegmentId {
    pub(super) fn path(self, folder: &Path) -> PathBuf {
        let month = self.month.0;
        match self.part {
            1 => folder.join(format!("audit-{month:06}.redb")),
            part => folder.join(format!("audit-{month:06}-{part}.redb")),
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let middle = name.strip_prefix("audit-")?.strip_suffix(".redb")?;
        let (month, part) = middle.split_once('-').unwrap_or((middle, "1"));
        Some(Self {
            month: Month(month.parse().ok().filter(|_| month.len() == 6)?),
            part: part.parse().ok()?,
        })
    }

    /// The segment after this one, for an entry of `month`.
    fn following(self, month: Month) -> Self {
        if month > self.month {
            return Self { month, part: 1 };
        }
        Self {
            month: self.month,
            part: self.part.saturating_add(1),
        }
    }
}

/// The segments in the folder, oldest first.
pub(super) fn list(folder: &Path) -> Result<Vec<SegmentId>, AuditError> {
    let fault = |error| AuditError::File(io_error("list", folder)(error));
    let mut ids = Vec::new();
    for found in std::fs::read_dir(folder).map_err(fault)? {
        let name = found.map_err(fault)?.file_name();
        ids.extend(name.to_str().and_then(SegmentId::parse));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Opens the newest segment, whole or not at all.
pub(super) fn open_newest(path: &Path) -> Result<Result<Database, String>, AuditError> {
    match open(path) {
        Ok(database) => Ok(Ok(database)),
        Err(DatabaseFault::Damaged(reason)) => Ok(Err(reason)),
        Err(fault) => Err(of(path, fault)),
    }
}

impl Shelf {
    /// With the newest of `ids` open.
    pub(super) fn new(
        folder: PathBuf,
        ids: Vec<SegmentId>,
        newest: (PathBuf, Database),
        key_id: u64,
    ) -> Self {
        Self {
            folder,
            ids,
            newest: Durable::new(newest.0, newest.1),
            older: BTreeMap::new(),
            read_last: None,
            key_id,
        }
    }

    /// Makes a segment after the newest of `ids` and opens it.
    pub(super) fn begin(
        folder: PathBuf,
        mut ids: Vec<SegmentId>,
        month: Month,
        end: End,
        key_id: u64,
    ) -> Result<Self, AuditError> {
        let id = match ids.last() {
            Some(newest) => newest.following(month),
            None => SegmentId { month, part: 1 },
        };
        let (path, database) = make(&folder, id, end, key_id)?;
        ids.push(id);
        Ok(Self::new(folder, ids, (path, database), key_id))
    }

    /// All, oldest first.
    pub(super) fn ids(&self) -> &[SegmentId] {
        &self.ids
    }

    pub(super) fn path(&self, id: SegmentId) -> PathBuf {
        id.path(&self.folder)
    }

    /// An open segment to read.
    pub(super) fn database(&mut self, id: SegmentId) -> Result<Arc<Database>, AuditError> {
        let path = id.path(&self.folder);
        if self.ids.last() == Some(&id) {
            return self.newest.database().map_err(|fault| of(&path, fault));
        }
        self.read_last = Some(id);
        self.close_unread();
        if let Some(database) = self.older.get(&id) {
            return Ok(Arc::clone(database));
        }
        let database = Arc::new(open_trusting(&path).map_err(|fault| of(&path, fault))?);
        self.older.insert(id, Arc::clone(&database));
        Ok(database)
    }

    /// Closes the older segments that nobody reads any more, but for one.
    pub(super) fn close_unread(&mut self) {
        let read_last = self.read_last;
        self.older
            .retain(|id, database| Some(*id) == read_last || Arc::strong_count(database) > 1);
    }

    /// Adds entries in one durable commit, to a new segment if a month began.
    /// Doing it again is harmless.
    pub(super) fn append(&mut self, entries: &[Arc<Entry>], end: End) -> Result<(), AuditError> {
        let month = entries.iter().find_map(|entry| month_of(entry));
        let newest = self.ids.last().copied();
        if let (Some(month), Some(newest)) = (month, newest)
            && month > newest.month
        {
            let id = newest.following(month);
            let (path, database) = make(&self.folder, id, end, self.key_id)?;
            if let Ok(read) = self.newest.database() {
                self.older.insert(newest, read);
            }
            self.newest = Durable::new(path, database);
            self.ids.push(id);
        }
        let path = self.ids.last().map(|id| id.path(&self.folder));
        self.newest
            .write(|write| segment::append(write, entries))
            .map_err(|fault| AuditError::Segment {
                path: path.unwrap_or_default(),
                source: fault.into(),
            })
    }

    /// Removes whole segments of months before `month`, never the newest.
    pub(super) fn remove_before(&mut self, month: Month) -> Result<usize, AuditError> {
        let mut removed = 0;
        while let [oldest, _, ..] = self.ids.as_slice()
            && oldest.month < month
        {
            self.older.remove(oldest);
            let path = oldest.path(&self.folder);
            std::fs::remove_file(&path)
                .map_err(|error| AuditError::File(io_error("remove", &path)(error)))?;
            self.ids.remove(0);
            removed += 1;
        }
        sync_folder(&self.folder)?;
        Ok(removed)
    }

    /// What the segments take on the disk, in bytes.
    pub(super) fn disk_bytes(&self) -> u64 {
        let sizes = self.ids.iter().map(|id| id.path(&self.folder).metadata());
        sizes.flatten().map(|found| found.len()).sum()
    }

    pub(super) fn close(&mut self) {
        self.older.clear();
        self.newest.close();
    }
}

/// A fault of the segment at `path`.
pub(super) fn of(path: &Path, fault: DatabaseFault) -> AuditError {
    let path = path.to_path_buf();
    match fault {
        DatabaseFault::Locked => AuditError::Locked { path },
        fault => AuditError::Segment {
            path,
            source: fault.into(),
        },
    }
}

fn make(
    folder: &Path,
    id: SegmentId,
    end: End,
    key_id: u64,
) -> Result<(PathBuf, Database), AuditError> {
    let path = id.path(folder);
    let beginning = Beginning {
        version: SEGMENT_VERSION,
        first_entry: end.number.saturating_add(1),
        before: end.code,
        last_seq: end.last_seq,
        key_id,
    };
    segment::make(&path, &beginning)
        .and_then(|()| contained(|| open_trusting(&path)))
        .map(|database| (path.clone(), database))
        .map_err(|fault| of(&path, fault))
}

fn month_of(entry: &Entry) -> Option<Month> {
    match Content::from_body(&entry.body).ok()? {
        Content::Start(start) => Some(Month::of(start.at_ms)),
        content => content.call().map(|call| Month::of(call.at_ms)),
    }
}
