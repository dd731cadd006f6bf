//! Opening the log: what an earlier run left is checked against chain, key and
//! checkpoint, folded, and every doubt is kept as a finding.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::chain::{ChainKey, GENESIS};
use super::entry::{Content, Entry, StartV1};
use super::error::AuditError;
use super::front::{Front, chained};
use super::head::Head;
use super::month::Month;
use super::polls::Polls;
use super::query;
use super::segment::{self, SEGMENT_VERSION};
use super::shared::{RESERVED_SEQS, Shared};
use super::shelf::{self, End, SegmentId, Shelf};
use super::tail::{self, Left, Tail};
use crate::database::contained;
use crate::private_files::make_folder;

/// Where the log is and who opens it.
#[derive(Debug, Clone)]
pub struct AuditOptions {
    /// The folder of segments, tail and checkpoint.
    pub folder: PathBuf,
    /// The file of the chain's key; made once if it is not there.
    pub key_path: PathBuf,
    /// The machine's boot: another one explains a torn tail.
    pub boot_id: String,
    /// Unix time in milliseconds.
    pub now_ms: i64,
    /// Whether intents and outcomes wait for the disk.
    pub sync_always: bool,
}

/// How the log was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AuditOpened {
    /// The daemon's run, counted from 1.
    pub run: u64,
    /// Records cut from the tail's torn end, at this start.
    pub cut_records: u64,
    /// What a power cut does not explain, for a person.
    pub findings: Vec<String>,
    /// Calls of the run before that have no outcome, newest first, the newest
    /// 1000 at most. They are listed as unknown.
    pub unfinished: Vec<u64>,
}

/// What is found on the way.
struct Found {
    head: Head,
    /// The newest entry in a segment.
    folded: End,
    /// The newest entry there is, the tail's included.
    end: End,
    /// The first call that is not what was written; 0 is none.
    broken_at: u64,
    findings: Vec<String>,
}

impl Found {
    fn broken(&mut self, finding: String) {
        if self.broken_at == 0 {
            self.broken_at = self.end.last_seq.saturating_add(1);
        }
        self.findings.push(finding);
    }
}

pub(super) fn open(options: &AuditOptions) -> Result<(Shared, AuditOpened), AuditError> {
    make_folder(&options.folder)?;
    let head_path = options.folder.join("audit.head");
    let tail_path = options.folder.join("audit.tail");
    let (key, key_is_new) = ChainKey::load(&options.key_path)?;
    let ids = shelf::list(&options.folder)?;
    let mut found = read_head(&head_path, &key, ids.is_empty())?;
    if key_is_new && !ids.is_empty() {
        found
            .findings
            .push("the chain's key was gone; a new one was made".into());
    }
    let shelf = open_shelf(options, ids, &key, &mut found)?;
    let Left {
        boot_id,
        entries,
        cut_records,
        is_torn_by_kill: _,
    } = read_tail(&tail_path, &key, options, &mut found)?;
    let same_boot = boot_id.as_ref().unwrap_or(&found.head.boot_id) == &options.boot_id;
    let certain = found.head.closed || (same_boot && cut_records == 0 && found.broken_at == 0);
    let (shared, opened) = start(options, key, shelf, found, (entries, cut_records, certain))?;
    let unfinished = query::unfinished(&shared, opened.run.saturating_sub(1));
    Ok((
        shared,
        AuditOpened {
            unfinished,
            ..opened
        },
    ))
}

fn read_head(path: &Path, key: &ChainKey, is_first: bool) -> Result<Found, AuditError> {
    let nothing = End {
        number: 0,
        code: GENESIS,
        last_seq: 0,
    };
    let mut found = Found {
        head: Head::default(),
        folded: nothing,
        end: nothing,
        broken_at: 0,
        findings: Vec::new(),
    };
    match Head::read(path, key)? {
        Some(Ok(head)) => found.head = head,
        Some(Err(reason)) => found.findings.push(reason.into()),
        None if is_first => {}
        None => found.findings.push("the checkpoint is missing".into()),
    }
    Ok(found)
}

/// Opens the newest segment, or begins another where it cannot go on.
fn open_shelf(
    options: &AuditOptions,
    ids: Vec<SegmentId>,
    key: &ChainKey,
    found: &mut Found,
) -> Result<Shelf, AuditError> {
    let folder = options.folder.clone();
    let month = Month::of(options.now_ms);
    let Some(newest) = ids.last() else {
        if found.head.entry > 0 {
            found.broken_at = 1;
            found.findings.push("every segment is missing".into());
        }
        take_head(found);
        return Shelf::begin(folder, ids, month, found.end, key.id());
    };
    let path = newest.path(&folder);
    let database = match shelf::open_newest(&path)? {
        Ok(database) => database,
        Err(reason) => {
            take_head(found);
            found.broken(format!("{} is damaged: {reason}", path.display()));
            return Shelf::begin(folder, ids, month, found.end, key.id());
        }
    };
    let read = contained(|| {
        let read = segment::read(&database)?;
        let (number, code) = segment::newest(&read)?;
        let last_seq = segment::last_seq(&read)?;
        let at_head = segment::entry(&read, found.head.entry)?;
        let end = End {
            number,
            code,
            last_seq,
        };
        Ok((segment::beginning(&read)?, end, at_head))
    });
    let (beginning, end, at_head) = read.map_err(|fault| shelf::of(&path, fault))?;
    if beginning.version > SEGMENT_VERSION {
        return Err(AuditError::Newer {
            path,
            found: beginning.version,
            supported: SEGMENT_VERSION,
        });
    }
    found.end = end;
    compare_with_head(found, at_head.as_ref());
    if beginning.key_id != key.id() {
        found.broken(format!("{} is chained with another key", path.display()));
        drop(database);
        return Shelf::begin(folder, ids, month, found.end, key.id());
    }
    Ok(Shelf::new(folder, ids, (path, database), key.id()))
}

/// The checkpoint is all that is known of where the log ended.
fn take_head(found: &mut Found) {
    found.end = End {
        number: found.head.entry,
        code: found.head.code().unwrap_or(GENESIS),
        last_seq: found.head.last_seq,
    };
}

fn compare_with_head(found: &mut Found, at_head: Option<&Entry>) {
    let (written, there) = (found.head.entry, found.end.number);
    if written > there {
        found.broken(format!(
            "{} records at the end are missing: the checkpoint is at entry {written}, the newest is {there}",
            written - there
        ));
    } else if at_head.is_some_and(|entry| !found.head.is_at(&entry.code)) {
        found.broken(format!("entry {written} is not what the checkpoint says"));
    }
}

fn read_tail(
    path: &Path,
    key: &ChainKey,
    options: &AuditOptions,
    found: &mut Found,
) -> Result<Left, AuditError> {
    let Some(left) = tail::read(path, key, found.end.number, found.end.code)? else {
        if found.head.entry > 0 {
            found.broken("the tail is missing".into());
        }
        found.folded = found.end;
        return Ok(Left::default());
    };
    found.folded = found.end;
    let kept = left.entries.iter().rev();
    let newest = kept
        .filter_map(|entry| Content::from_body(&entry.body).ok())
        .find_map(|content| Some(content.call()?.seq));
    found.end = End {
        number: left.entries.last().map_or(found.end.number, |e| e.number),
        code: left.entries.last().map_or(found.end.code, |e| e.code),
        last_seq: newest.unwrap_or(found.end.last_seq),
    };
    let boot_id = left.boot_id.as_ref().unwrap_or(&found.head.boot_id);
    if left.is_torn_by_kill {
        let words = "an unfinished record was cut: its process was killed while it wrote it";
        found.findings.push(words.into());
    } else if left.cut_records > 0 && *boot_id == options.boot_id {
        found.broken(format!(
            "{} records at the tail's end were torn, and the machine did not restart",
            left.cut_records
        ));
    }
    Ok(left)
}

/// Folds what was left, writes the start's entry, and begins a new tail.
fn start(
    options: &AuditOptions,
    key: ChainKey,
    mut shelf: Shelf,
    found: Found,
    (entries, cut_records, certain): (Vec<Entry>, u64, bool),
) -> Result<(Shared, AuditOpened), AuditError> {
    let Found {
        mut head,
        folded,
        mut end,
        broken_at,
        findings,
    } = found;
    head.run = head
        .run
        .max(query::newest_run(&mut shelf)?)
        .saturating_add(1);
    let content = Content::Start(StartV1 {
        run: head.run,
        at_ms: options.now_ms,
        boot_id: options.boot_id.clone(),
        cut_records,
        broken_at,
        findings: findings.clone(),
    });
    let start = chained(&key, &mut end.number, &mut end.code, &content)?;
    let mut batch: Vec<Arc<Entry>> = entries.into_iter().map(Arc::new).collect();
    batch.push(Arc::new(start));
    shelf.append(&batch, folded)?;
    if !certain {
        end.last_seq = end.last_seq.max(head.reserved_seq);
    }
    head.entry = end.number;
    head.last_seq = end.last_seq;
    head.set_code(&end.code);
    head.reserved_seq = end.last_seq.saturating_add(RESERVED_SEQS);
    head.cut_records = head.cut_records.saturating_add(cut_records);
    head.boot_id.clone_from(&options.boot_id);
    head.closed = false;
    head.first_entry = head.first_entry.max(1);
    let head_path = options.folder.join("audit.head");
    head.write(&head_path, &key)?;
    let tail_path = options.folder.join("audit.tail");
    let front = Front {
        tail: Tail::create(&tail_path, &options.boot_id, std::iter::empty())?,
        key,
        run: head.run,
        end,
        waiting: std::collections::VecDeque::new(),
        folded: end,
        polls: Polls::default(),
        reserved_seq: head.reserved_seq,
        wanted: 0,
        folder_rests: false,
        failures: 0,
        failure: String::new(),
        closing: false,
        closed: false,
    };
    let opened = AuditOpened {
        run: head.run,
        cut_records,
        findings,
        unfinished: Vec::new(),
    };
    let shared = Shared::new(front, head, shelf, head_path, options.sync_always);
    Ok((shared, opened))
}
