//! Reading the log: the tail's records first, then segment by segment.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use redb::{Database, ReadTransaction, ReadableTable as _};

use super::call::{AuditCounts, CallRecord, HistoryQuery, Outcome, RecordedOutcome};
use super::entry::{Content, EndV1, Entry};
use super::error::AuditError;
use super::month::Month;
use super::segment::{self, CALLS, ENTRIES, OUTCOMES};
use super::shared::Shared;
use super::shelf::{SegmentId, Shelf};
use crate::database::{DatabaseFault, contained};

/// What a query that names no limit gets, and what any gets at most.
const LIMIT: usize = 50;
const LIMIT_MAX: usize = 500;

/// Unfinished calls of the run before that a start looks for.
const UNFINISHED_MAX: usize = 1000;

pub(super) fn list(shared: &Shared, query: &HistoryQuery) -> Vec<CallRecord> {
    let limit = match query.limit {
        0 => LIMIT,
        limit => limit.min(LIMIT_MAX),
    };
    let since = query.since_ms.map(Month::of);
    let mut records = Vec::new();
    visit(shared, query.before, |record| {
        let takes = query.takes(&record);
        // Not before a year earlier, so that a clock that was set back hides
        // nothing of that year.
        let month = Month::of(record.call.at_ms);
        let past = since.is_some_and(|since| month.0.saturating_add(100) < since.0);
        if takes {
            records.push(record);
        }
        records.len() < limit && !past
    });
    records
}

pub(super) fn get(shared: &Shared, seq: u64) -> Option<CallRecord> {
    let mut found = None;
    visit(shared, seq.checked_add(1), |record| {
        found = (record.seq == seq).then_some(record);
        false
    });
    found
}

pub(super) fn count(shared: &Shared) -> Result<AuditCounts, AuditError> {
    let newest = Newest::of(shared);
    let mut counts = AuditCounts {
        lost_reads: shared.front().polls.lost(),
        ..AuditCounts::default()
    };
    let ids = shared.shelf().ids().to_vec();
    let below = newest.lowest_seq();
    for id in ids {
        let found = read_segment(shared, id, |read| {
            let calls = read.open_table(CALLS)?;
            // The newest segment may have entries that were waiting just now.
            let doubled = calls.range(below..)?.count();
            let doubled = u64::try_from(doubled).unwrap_or(u64::MAX);
            let entries = read.open_table(ENTRIES)?;
            let first = entries
                .first()?
                .map(|(number, value)| (number.value(), value.value().to_vec()));
            let all = redb::ReadableTableMetadata::len(&calls)?;
            Ok((all.saturating_sub(doubled), first))
        });
        let Some((records, first)) = found? else {
            continue;
        };
        counts.records = counts.records.saturating_add(records);
        if counts.oldest_ms.is_none() && counts.records > 0 {
            counts.oldest_ms = first.and_then(|(number, value)| {
                let entry = segment::split(number, &value).ok()?;
                match Content::from_body(&entry.body).ok()? {
                    Content::Start(start) => Some(start.at_ms),
                    content => content.call().map(|call| call.at_ms),
                }
            });
        }
    }
    let waiting = u64::try_from(newest.calls.len()).unwrap_or(u64::MAX);
    counts.records = counts.records.saturating_add(waiting);
    let oldest_waiting = newest.calls.values().next().and_then(Content::call);
    counts.oldest_ms = counts.oldest_ms.or(oldest_waiting.map(|call| call.at_ms));
    Ok(counts)
}

/// The calls of `run` without an outcome, newest first.
pub(super) fn unfinished(shared: &Shared, run: u64) -> Vec<u64> {
    let mut unfinished = Vec::new();
    let mut looked_at = 0_usize;
    visit(shared, None, |record| {
        looked_at += 1;
        if record.run == run && record.end.is_none() {
            unfinished.push(record.seq);
        }
        record.run >= run && looked_at < UNFINISHED_MAX
    });
    unfinished
}

/// The newest run that the newest segment knows of.
pub(super) fn newest_run(shelf: &mut Shelf) -> Result<u64, AuditError> {
    let Some(id) = shelf.ids().last().copied() else {
        return Ok(0);
    };
    let path = shelf.path(id);
    let database = shelf.database(id)?;
    let run = contained(|| {
        for row in segment::read(&database)?.open_table(ENTRIES)?.iter()?.rev() {
            let (number, value) = row?;
            let entry = segment::split(number.value(), value.value())?;
            match Content::from_body(&entry.body) {
                Ok(Content::Start(start)) => return Ok(start.run),
                Ok(Content::Outcome(_)) | Err(_) => {}
                Ok(content) => return Ok(content.call().map_or(0, |call| call.run)),
            }
        }
        Ok(0)
    });
    run.map_err(|fault| super::shelf::of(&path, fault))
}

/// The calls that are in no segment yet.
struct Newest {
    run: u64,
    calls: BTreeMap<u64, Content>,
    ends: HashMap<u64, EndV1>,
}

impl Newest {
    fn of(shared: &Shared) -> Self {
        let (run, waiting) = {
            let mut front = shared.front();
            front.absorb(false);
            (
                front.run,
                front.waiting.iter().cloned().collect::<Vec<Arc<Entry>>>(),
            )
        };
        let mut newest = Self {
            run,
            calls: BTreeMap::new(),
            ends: HashMap::new(),
        };
        for entry in waiting {
            match Content::from_body(&entry.body) {
                Ok(Content::Outcome(end)) => {
                    newest.ends.insert(end.seq, end);
                }
                Ok(content) => {
                    if let Some(seq) = content.call().map(|call| call.seq) {
                        newest.calls.insert(seq, content);
                    }
                }
                Err(error) => tracing::warn!(%error, "a record in the tail cannot be read"),
            }
        }
        newest
    }

    /// Calls from here on are in the tail, wherever else they may be by now.
    fn lowest_seq(&self) -> u64 {
        self.calls.keys().next().copied().unwrap_or(u64::MAX)
    }

    fn record(&self, content: Content, end: Option<EndV1>) -> Option<CallRecord> {
        let (call, end, count, last_at_ms) = match content {
            Content::Read(read) => (read.call, Some(read.end), read.count, read.last_at_ms),
            Content::Intent(call) => {
                let last_at_ms = call.at_ms;
                let end = end.or_else(|| self.ends.get(&call.seq).cloned());
                (call, end, 1, last_at_ms)
            }
            Content::Start(_) | Content::Outcome(_) => return None,
        };
        let end = end.map(super::call::CallEnd::from);
        Some(CallRecord {
            seq: call.seq,
            run: call.run,
            outcome: match end.as_ref().map(|end| end.outcome) {
                Some(Outcome::Ok) => RecordedOutcome::Ok,
                Some(Outcome::Error) => RecordedOutcome::Error,
                Some(Outcome::Interrupted) => RecordedOutcome::Interrupted,
                None if call.run == self.run => RecordedOutcome::Running,
                Some(Outcome::Unknown) | None => RecordedOutcome::Unknown,
            },
            call: call.into(),
            end,
            count,
            last_at_ms,
        })
    }
}

/// Shows calls below `before`, newest first, until `show` says no.
fn visit(shared: &Shared, before: Option<u64>, show: impl FnMut(CallRecord) -> bool) {
    visit_all(shared, before, show);
    shared.shelf().close_unread();
}

fn visit_all(shared: &Shared, before: Option<u64>, mut show: impl FnMut(CallRecord) -> bool) {
    let newest = Newest::of(shared);
    let before = before.unwrap_or(u64::MAX);
    for content in newest
        .calls
        .range(..before)
        .rev()
        .map(|(_, content)| content)
    {
        let record = newest.record(content.clone(), None);
        if record.is_some_and(|record| !show(record)) {
            return;
        }
    }
    let below = before.min(newest.lowest_seq());
    let mut ids = shared.shelf().ids().to_vec();
    let mut later: Vec<Arc<Database>> = Vec::new();
    while let Some(id) = ids.pop() {
        let database = match shared.shelf().database(id) {
            Ok(database) => database,
            Err(error) => {
                tracing::warn!(%error, "a segment of the audit log is left out");
                continue;
            }
        };
        later.insert(0, Arc::clone(&database));
        let goes_on = contained(|| visit_segment(&later, &newest, below, &mut show));
        match goes_on {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(%error, "a segment of the audit log cannot be read"),
        }
    }
}

/// The first of `databases` is read; an outcome may stand in a later one.
fn visit_segment(
    databases: &[Arc<Database>],
    newest: &Newest,
    below: u64,
    show: &mut impl FnMut(CallRecord) -> bool,
) -> Result<bool, DatabaseFault> {
    let reads: Vec<ReadTransaction> = databases
        .iter()
        .map(|database| segment::read(database))
        .collect::<Result<_, _>>()?;
    let Some(here) = reads.first() else {
        return Ok(true);
    };
    for row in here.open_table(CALLS)?.range(..below)?.rev() {
        let (seq, number) = row?;
        let Some(content) = content(here, number.value())? else {
            continue;
        };
        if content.call().is_none_or(|call| call.seq != seq.value()) {
            continue;
        }
        let end = match &content {
            Content::Intent(_) => outcome(&reads, seq.value())?,
            _ => None,
        };
        let record = newest.record(content, end);
        if record.is_some_and(|record| !show(record)) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn outcome(reads: &[ReadTransaction], seq: u64) -> Result<Option<EndV1>, DatabaseFault> {
    for read in reads {
        let number = read.open_table(OUTCOMES)?.get(seq)?.map(|n| n.value());
        if let Some(number) = number
            && let Some(end) = segment::outcome(read, seq, number)?
        {
            return Ok(Some(end));
        }
    }
    Ok(None)
}

/// A record of a newer version, or one that was tampered with, is left out;
/// `verify` is what names it.
fn content(read: &ReadTransaction, number: u64) -> Result<Option<Content>, DatabaseFault> {
    let entry = segment::entry(read, number)?;
    Ok(entry.and_then(|entry| Content::from_body(&entry.body).ok()))
}

/// `None` when the segment cannot be read: the others still count.
fn read_segment<T>(
    shared: &Shared,
    id: SegmentId,
    read: impl FnOnce(&ReadTransaction) -> Result<T, DatabaseFault>,
) -> Result<Option<T>, AuditError> {
    let database = match shared.shelf().database(id) {
        Ok(database) => database,
        Err(AuditError::Segment { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    match contained(|| read(&segment::read(&database)?)) {
        Ok(found) => Ok(Some(found)),
        Err(error) => {
            tracing::warn!(%error, "a segment of the audit log cannot be read");
            Ok(None)
        }
    }
}
