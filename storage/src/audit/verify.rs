//! Whether the kept records are those that were written, in their order.

use redb::{ReadTransaction, ReadableTable as _};

use super::chain::Code;
use super::entry::{Content, StartV1};
use super::error::AuditError;
use super::head::Head;
use super::month::Month;
use super::segment::{self, CALLS, ENTRIES, OUTCOMES};
use super::shared::Shared;
use super::shelf::SegmentId;
use crate::database::{DatabaseFault, contained};

/// What a check of the chain found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Calls that were checked.
    pub records: u64,
    /// The first call that was checked.
    pub first_seq: Option<u64>,
    /// The last call that was checked.
    pub last_seq: Option<u64>,
    /// Whether all is as it was written.
    pub ok: bool,
    /// The first call that is not, or that is missing.
    pub broken_at: Option<u64>,
    /// What is wrong, and what was found at starts, for a person.
    pub findings: Vec<String>,
    /// Records that power cuts ever took from the tail's end.
    pub cut_records: u64,
}

/// The walk along the chain.
struct Walk<'a> {
    shared: &'a Shared,
    report: VerifyReport,
    number: u64,
    code: Code,
    head: Head,
    least: Least,
}

/// What the records must reach. Read before the list of segments and before
/// any record, for the log goes on meanwhile and nothing is looked at twice.
struct Least {
    /// The file itself, not what this process remembers of it.
    checkpoint: Option<Result<Head, &'static str>>,
    /// The newest entry in a segment.
    number: u64,
}

pub(super) fn verify(shared: &Shared, since_ms: Option<i64>) -> Result<VerifyReport, AuditError> {
    let mut walk = Walk::new(shared)?;
    if walk.segments(since_ms)? {
        walk.compare();
    }
    Ok(walk.report)
}

/// After old segments were removed: what is now the first is no gap.
pub(super) fn note_first_entry(shared: &Shared) -> Result<(), AuditError> {
    let first = {
        let mut shelf = shared.shelf();
        let Some(oldest) = shelf.ids().first().copied() else {
            return Ok(());
        };
        let path = shelf.path(oldest);
        let database = shelf.database(oldest)?;
        contained(|| segment::beginning(&segment::read(&database)?))
            .map_err(|fault| super::shelf::of(&path, fault))?
    };
    let mut head = shared.head();
    head.first_entry = first.first_entry;
    Ok(head.write(&shared.head_path, &shared.key)?)
}

impl<'a> Walk<'a> {
    fn new(shared: &'a Shared) -> Result<Self, AuditError> {
        let least = Least {
            checkpoint: Head::read(&shared.head_path, &shared.key)?,
            number: shared.front().folded.number,
        };
        let head = shared.head().clone();
        Ok(Self {
            shared,
            report: VerifyReport {
                cut_records: head.cut_records,
                ok: true,
                ..VerifyReport::default()
            },
            number: head.first_entry.saturating_sub(1),
            code: [0; 32],
            head,
            least,
        })
    }

    /// Walks the segments; whether it came to the end.
    fn segments(&mut self, since_ms: Option<i64>) -> Result<bool, AuditError> {
        let since = since_ms.map(Month::of);
        let ids = self.shared.shelf().ids().to_vec();
        let from = ids
            .iter()
            .position(|id| since.is_none_or(|since| id.month >= since));
        let skipped = from.unwrap_or(ids.len().saturating_sub(1));
        for (place, id) in ids.iter().enumerate().skip(skipped) {
            if !self.segment(*id, place == skipped, skipped == 0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn broken(&mut self, finding: String) {
        let next = self.report.last_seq.unwrap_or(0).saturating_add(1);
        self.broken_at(next, finding);
    }

    fn broken_at(&mut self, seq: u64, finding: String) {
        self.report.ok = false;
        let earlier = self.report.broken_at.is_none_or(|known| seq < known);
        if earlier {
            self.report.broken_at = Some(seq);
        }
        self.report.findings.push(finding);
    }

    /// Walks one segment; no further where the chain cannot be followed.
    fn segment(
        &mut self,
        id: SegmentId,
        is_first: bool,
        is_oldest: bool,
    ) -> Result<bool, AuditError> {
        let path = self.shared.shelf().path(id);
        let opened = self.shared.shelf().database(id);
        let database = match opened {
            Ok(database) => database,
            Err(AuditError::Segment { source, .. }) => {
                self.broken(format!("{} cannot be opened: {source}", path.display()));
                return Ok(false);
            }
            Err(error) => return Err(error),
        };
        let walked = contained(|| {
            let read = segment::read(&database)?;
            let beginning = segment::beginning(&read)?;
            if is_first {
                self.code = beginning.before;
                if !is_oldest {
                    self.number = beginning.first_entry.saturating_sub(1);
                }
            }
            if beginning.key_id != self.shared.key.id() {
                self.broken(format!("{} is chained with another key", path.display()));
                return Ok(false);
            }
            if beginning.before != self.code || beginning.first_entry != self.number + 1 {
                self.broken(format!("the records before {} are missing", path.display()));
                return Ok(false);
            }
            self.entries(&read)
        });
        walked.or_else(|fault| {
            self.broken(format!("{} cannot be read: {fault}", path.display()));
            Ok(false)
        })
    }

    fn entries(&mut self, read: &ReadTransaction) -> Result<bool, DatabaseFault> {
        let calls = read.open_table(CALLS)?;
        let outcomes = read.open_table(OUTCOMES)?;
        for row in read.open_table(ENTRIES)?.iter()? {
            let (number, value) = row?;
            let entry = segment::split(number.value(), value.value())?;
            let next = self.number.saturating_add(1);
            if entry.number != next {
                self.broken(format!(
                    "entries {next} to {} are missing",
                    entry.number - 1
                ));
                return Ok(false);
            }
            let content = Content::from_body(&entry.body).ok();
            if self.shared.key.code(&self.code, next, &entry.body) != entry.code {
                self.changed(next, content.as_ref());
                return Ok(false);
            }
            (self.number, self.code) = (next, entry.code);
            if next == self.head.entry && !self.head.is_at(&entry.code) {
                self.broken(format!("entry {next} is not what the checkpoint says"));
            }
            match content {
                Some(Content::Start(start)) => self.start(start),
                Some(Content::Outcome(end)) => {
                    // The last of several is the one that is listed.
                    let listed = outcomes.get(end.seq)?.map(|number| number.value());
                    if listed.is_none_or(|listed| listed < next) {
                        self.outcome_is_not_listed(end.seq);
                    }
                }
                Some(Content::Intent(_) | Content::Read(_)) => {
                    let seq = content
                        .as_ref()
                        .and_then(Content::call)
                        .map_or(0, |call| call.seq);
                    self.report.records += 1;
                    self.report.first_seq.get_or_insert(seq);
                    self.report.last_seq = Some(seq);
                    if calls.get(seq)?.map(|number| number.value()) != Some(next) {
                        self.broken_at(seq, format!("call {seq} is not listed where it stands"));
                    }
                }
                None => self.broken(format!("entry {next} cannot be read")),
            }
        }
        for row in outcomes.iter()? {
            let (seq, number) = row?;
            if segment::outcome(read, seq.value(), number.value())?.is_none() {
                self.outcome_is_not_listed(seq.value());
            }
        }
        Ok(true)
    }

    /// What was found at a start stays found.
    fn start(&mut self, start: StartV1) {
        if start.broken_at > 0 {
            self.report.ok = false;
            let known = self.report.broken_at.unwrap_or(u64::MAX);
            self.report.broken_at = Some(known.min(start.broken_at));
        }
        self.report.findings.extend(start.findings);
    }

    /// Names the call that the entry tells of, if that can be believed.
    fn changed(&mut self, number: u64, content: Option<&Content>) {
        let finding = format!("entry {number} was changed");
        let seq = content.and_then(Content::call).map(|call| call.seq);
        let expected = self.report.last_seq.map(|last| last.checked_add(1));
        match seq {
            Some(seq) if expected.is_none_or(|expected| expected == Some(seq)) => {
                self.broken_at(seq, finding);
            }
            _ => self.broken(finding),
        }
    }

    fn outcome_is_not_listed(&mut self, seq: u64) {
        let finding = format!("call {seq} is not listed with its outcome");
        if !self.report.findings.contains(&finding) {
            self.broken_at(seq, finding);
        }
    }

    /// Whether the records end before they may.
    fn compare(&mut self) {
        if self.number < self.least.number {
            self.broken(format!(
                "the records after entry {} are missing",
                self.number
            ));
        }
        match &self.least.checkpoint {
            Some(Ok(head)) if head.entry <= self.number => {}
            Some(Ok(_)) => self.broken("the checkpoint is ahead of the records".into()),
            Some(Err(reason)) => self.report.findings.push((*reason).into()),
            None => self
                .report
                .findings
                .push("the checkpoint is missing".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use redb::{Database, ReadableTable as _};

    use super::super::call::{CallEnd, HistoryQuery, NewCall, Outcome, RecordedOutcome};
    use super::super::log::AuditLog;
    use super::super::open::AuditOptions;
    use super::*;

    fn options(home: &Path) -> AuditOptions {
        AuditOptions {
            folder: home.to_path_buf(),
            key_path: home.join("key"),
            boot_id: "boot".into(),
            now_ms: 0,
            sync_always: false,
        }
    }

    /// Five calls; the entries are the start, then an intent and an outcome
    /// each, so that call `n` has the entries `2n` and `2n + 1`.
    fn five_calls(home: &Path) {
        let (log, _) = AuditLog::open(&options(home)).unwrap();
        for _ in 0..5 {
            let seq = log.intent(&NewCall::default()).unwrap();
            log.outcome(seq, &CallEnd::default()).unwrap();
        }
        log.close().unwrap();
    }

    fn tamper(home: &Path, change: fn(&mut redb::Table<u64, &'static [u8]>)) {
        let database = Database::open(home.join("audit-197001.redb")).unwrap();
        let write = database.begin_write().unwrap();
        change(&mut write.open_table(ENTRIES).unwrap());
        write.commit().unwrap();
    }

    fn bytes(table: &redb::Table<u64, &'static [u8]>, number: u64) -> Vec<u8> {
        table.get(number).unwrap().unwrap().value().to_vec()
    }

    #[test]
    fn the_first_record_that_is_not_as_it_was_written_is_named() {
        type Tamper = fn(&mut redb::Table<u64, &'static [u8]>);
        let table: [(&str, Tamper, u64); 4] = [
            (
                "edited",
                |table| {
                    let mut value = bytes(table, 6);
                    *value.last_mut().unwrap() ^= 1;
                    table.insert(6, value.as_slice()).unwrap();
                },
                3,
            ),
            (
                "deleted",
                |table| {
                    table.remove(4).unwrap();
                },
                2,
            ),
            (
                "reordered",
                |table| {
                    let (one, two) = (bytes(table, 4), bytes(table, 8));
                    table.insert(4, two.as_slice()).unwrap();
                    table.insert(8, one.as_slice()).unwrap();
                },
                2,
            ),
            (
                "cut at the end",
                |table| table.retain_in(8.., |_, _| false).unwrap(),
                4,
            ),
        ];
        for (what, change, broken_at) in table {
            let home = tempfile::tempdir().unwrap();
            five_calls(home.path());
            tamper(home.path(), change);
            let (log, _) = AuditLog::open(&options(home.path())).unwrap();
            let report = log.verify(None).unwrap();
            assert_eq!(
                (report.ok, report.broken_at),
                (false, Some(broken_at)),
                "{what}: {report:?}"
            );
        }
    }

    #[test]
    fn outcomes_that_are_listed_with_other_calls_are_found_and_not_shown() {
        let home = tempfile::tempdir().unwrap();
        let (log, _) = AuditLog::open(&options(home.path())).unwrap();
        for outcome in [Outcome::Ok, Outcome::Error, Outcome::Ok] {
            let seq = log.intent(&NewCall::default()).unwrap();
            let end = CallEnd {
                outcome,
                ..CallEnd::default()
            };
            log.outcome(seq, &end).unwrap();
        }
        log.close().unwrap();
        let database = Database::open(home.path().join("audit-197001.redb")).unwrap();
        let write = database.begin_write().unwrap();
        {
            let mut outcomes = write.open_table(OUTCOMES).unwrap();
            outcomes.insert(2, 7).unwrap();
            outcomes.insert(3, 5).unwrap();
        }
        write.commit().unwrap();
        drop(database);
        let (log, _) = AuditLog::open(&options(home.path())).unwrap();
        let report = log.verify(None).unwrap();
        assert_eq!((report.ok, report.broken_at), (false, Some(2)));
        assert_eq!(report.findings.len(), 2, "{report:?}");
        let records = log.list(&HistoryQuery::default()).unwrap();
        let shown: Vec<_> = records.iter().map(|record| record.outcome).collect();
        let unknown = RecordedOutcome::Unknown;
        assert_eq!(shown, [unknown, unknown, RecordedOutcome::Ok]);
    }

    #[test]
    fn an_outcome_that_is_listed_nowhere_is_found() {
        let home = tempfile::tempdir().unwrap();
        five_calls(home.path());
        let database = Database::open(home.path().join("audit-197001.redb")).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(OUTCOMES).unwrap().remove(4).unwrap();
        write.commit().unwrap();
        drop(database);
        let (log, _) = AuditLog::open(&options(home.path())).unwrap();
        assert_eq!(log.verify(None).unwrap().broken_at, Some(4));
    }

    #[test]
    fn what_is_recorded_during_a_check_is_no_finding() {
        const NEXT_MONTH_MS: i64 = 32 * 24 * 60 * 60 * 1000;
        let home = tempfile::tempdir().unwrap();
        let (shared, _) = super::super::open::open(&options(home.path())).unwrap();
        let record = |at_ms| {
            let call = NewCall {
                at_ms,
                ..NewCall::default()
            };
            shared.front().intent(&call).unwrap();
            super::super::fold::fold(&shared).unwrap();
        };
        let mut walk = Walk::new(&shared).unwrap();
        record(0);
        record(NEXT_MONTH_MS);
        assert!(walk.segments(None).unwrap());
        record(NEXT_MONTH_MS);
        walk.compare();
        assert!(walk.report.ok, "{:?}", walk.report);
        assert_eq!(walk.report.records, 2);
    }
}
