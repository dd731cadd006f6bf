//! The audit log as the daemon uses it: intents, outcomes, reads, history.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use storage::audit::{
    AuditError, AuditLog, AuditOpened, AuditOptions, CallEnd, HistoryQuery, NewCall, Outcome,
    RecordedOutcome,
};

const JANUARY_MS: i64 = 1_736_000_000_000;
const FEBRUARY_MS: i64 = JANUARY_MS + 31 * 24 * 60 * 60 * 1000;

fn options(home: &Path) -> AuditOptions {
    AuditOptions {
        folder: home.join("data"),
        key_path: home.join("config/audit.key"),
        boot_id: "boot-1".into(),
        now_ms: JANUARY_MS,
        sync_always: false,
    }
}

fn open(home: &Path) -> (AuditLog, AuditOpened) {
    AuditLog::open(&options(home)).unwrap()
}

fn call(tool: &str, at_ms: i64) -> NewCall {
    NewCall {
        at_ms,
        client: "agent".into(),
        reach: "stdio".into(),
        tool: tool.into(),
        session_id: Some("web".into()),
        summary: format!("{tool} on web"),
        arguments_json: r#"{"command":"ls","password":"canary"}"#.into(),
        ..NewCall::default()
    }
}

fn ended(outcome: Outcome) -> CallEnd {
    CallEnd {
        outcome,
        exit_code: Some(0),
        duration_ms: 3,
        result_head: "out TOKEN=canary".into(),
        ..CallEnd::default()
    }
}

fn all() -> HistoryQuery {
    HistoryQuery {
        limit: 500,
        ..HistoryQuery::default()
    }
}

fn seqs(log: &AuditLog, query: &HistoryQuery) -> Vec<u64> {
    let records = log.list(query).unwrap();
    records.iter().map(|record| record.seq).collect()
}

fn segment(home: &Path, name: &str) -> PathBuf {
    home.join("data").join(name)
}

/// A run that records `calls` calls and closes.
fn write_run(home: &Path, calls: usize) {
    let (log, _) = open(home);
    for _ in 0..calls {
        let seq = log.intent(&call("ssh_exec", JANUARY_MS)).unwrap();
        log.outcome(seq, &ended(Outcome::Ok)).unwrap();
    }
    log.close().unwrap();
}

#[test]
fn a_call_is_in_the_history_before_during_and_after_it_is_folded() {
    let home = tempfile::tempdir().unwrap();
    let (log, opened) = open(home.path());
    assert_eq!((opened.run, opened.cut_records), (1, 0));
    let first = log.intent(&call("ssh_exec", JANUARY_MS)).unwrap();
    let second = log.intent(&call("ssh_upload", JANUARY_MS + 1)).unwrap();
    log.outcome(first, &ended(Outcome::Error)).unwrap();
    for folded in [false, true] {
        let records = log.list(&all()).unwrap();
        let got: Vec<_> = records.iter().map(|r| (r.seq, r.outcome)).collect();
        let expected = [
            (second, RecordedOutcome::Running),
            (first, RecordedOutcome::Error),
        ];
        assert_eq!(got, expected, "folded: {folded}");
        assert_eq!(log.count().unwrap().records, 2);
        log.flush().unwrap();
    }
    let record = log.get(first).unwrap().unwrap();
    assert_eq!(record.end.unwrap().exit_code, Some(0));
    assert!(log.get(99).unwrap().is_none());
    log.close().unwrap();
    assert!(matches!(log.intent(&call("x", 0)), Err(AuditError::Closed)));

    let (log, opened) = open(home.path());
    assert_eq!((opened.run, opened.unfinished), (2, vec![second]));
    let record = log.get(second).unwrap().unwrap();
    assert_eq!((record.run, record.outcome), (1, RecordedOutcome::Unknown));
    assert_eq!(log.intent(&call("ssh_exec", JANUARY_MS)).unwrap(), 3);
    assert!(log.verify(None).unwrap().ok);
}

#[test]
fn no_secret_reaches_the_disk() {
    let home = tempfile::tempdir().unwrap();
    write_run(home.path(), 1);
    for file in fs::read_dir(home.path().join("data")).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(6).any(|window| window == b"canary"));
    }
}

#[test]
fn the_history_is_filtered_by_everything_a_row_shows() {
    type Ask = fn(&mut HistoryQuery);
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    for at in 0..6 {
        let mut new = call(if at % 2 == 0 { "even" } else { "odd" }, JANUARY_MS + at);
        new.host_id = (at == 3).then(|| "local".into());
        new.target = (at == 4).then(|| "Deploy@Web".into());
        let seq = log.intent(&new).unwrap();
        if at != 5 {
            log.outcome(seq, &ended(Outcome::Ok)).unwrap();
        }
        if at == 2 {
            log.flush().unwrap();
        }
    }
    let table: [(Ask, &[u64]); 9] = [
        (|asked| asked.tool = Some("odd".into()), &[6, 4, 2]),
        (|asked| asked.host_id = Some("local".into()), &[4]),
        (|asked| asked.query = Some("deploy@".into()), &[5]),
        (|asked| asked.session_id = Some("db".into()), &[]),
        (|asked| asked.limit = 2, &[6, 5]),
        (|asked| asked.outcome = Some(RecordedOutcome::Running), &[6]),
        (|asked| asked.since_ms = Some(JANUARY_MS + 4), &[6, 5]),
        (|asked| asked.until_ms = Some(JANUARY_MS + 1), &[2, 1]),
        (|asked| asked.before = Some(3), &[2, 1]),
    ];
    for (ask, expected) in table {
        let mut query = all();
        ask(&mut query);
        assert_eq!(seqs(&log, &query), expected, "{query:?}");
    }
}

#[test]
fn equal_reads_become_one_record_and_never_wait() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    for at in 0..10 {
        log.read(call("job_wait", JANUARY_MS + at), ended(Outcome::Ok));
    }
    log.flush().unwrap();
    let records = log.list(&all()).unwrap();
    let counts: Vec<_> = records.iter().map(|record| record.count).collect();
    assert_eq!(counts, [9, 1]);
    assert_eq!(records[0].last_at_ms, JANUARY_MS + 9);
}

#[test]
fn each_month_has_its_segment_and_an_outcome_finds_its_call_across_them() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    let first = log.intent(&call("long", JANUARY_MS)).unwrap();
    log.flush().unwrap();
    let next = log.intent(&call("next", FEBRUARY_MS)).unwrap();
    log.outcome(first, &ended(Outcome::Ok)).unwrap();
    log.flush().unwrap();
    assert!(segment(home.path(), "audit-202501.redb").exists());
    assert!(segment(home.path(), "audit-202502.redb").exists());
    assert_eq!(seqs(&log, &all()), [next, first]);
    assert_eq!(
        log.get(first).unwrap().unwrap().outcome,
        RecordedOutcome::Ok
    );
    let report = log.verify(None).unwrap();
    assert!(report.ok && report.records == 2, "{report:?}");
    assert_eq!(log.verify(Some(FEBRUARY_MS)).unwrap().records, 1);

    assert_eq!(log.purge(FEBRUARY_MS).unwrap(), 1);
    assert_eq!(seqs(&log, &all()), [next]);
    log.close().unwrap();
    let (log, _) = open(home.path());
    assert!(log.verify(None).unwrap().ok);
}

#[test]
fn with_sync_always_each_call_is_in_a_segment_when_it_is_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let options = AuditOptions {
        sync_always: true,
        ..options(home.path())
    };
    let (log, _) = AuditLog::open(&options).unwrap();
    log.intent(&call("ssh_exec", JANUARY_MS)).unwrap();
    let tail = fs::read(home.path().join("data/audit.tail")).unwrap();
    assert_eq!(
        tail.len(),
        8 + 4 + "boot-1".len(),
        "only its header is left"
    );
}

#[test]
fn a_torn_end_after_a_power_cut_is_cut_counted_and_no_number_comes_again() {
    let home = tempfile::tempdir().unwrap();
    write_run(home.path(), 3);
    let (log, _) = open(home.path());
    let after_power_cut = tempfile::tempdir().unwrap();
    copy_folder(home.path(), after_power_cut.path());
    let tail = |home: &Path| home.join("data/audit.tail");
    let kept = log.intent(&call("kept", JANUARY_MS)).unwrap();
    let lost = log.intent(&call("lost", JANUARY_MS)).unwrap();
    let mut torn = fs::read(tail(home.path())).unwrap();
    torn.truncate(torn.len() - 5);
    fs::write(tail(after_power_cut.path()), torn).unwrap();

    for cut_records in [1, 0] {
        let options = AuditOptions {
            boot_id: "boot-2".into(),
            ..options(after_power_cut.path())
        };
        let (log, opened) = AuditLog::open(&options).unwrap();
        assert_eq!(
            (opened.cut_records, opened.findings.len()),
            (cut_records, 0)
        );
        assert!(log.get(kept).unwrap().is_some() && log.get(lost).unwrap().is_none());
        assert!(log.intent(&call("next", JANUARY_MS)).unwrap() > lost);
        let report = log.verify(None).unwrap();
        assert!(report.ok && report.cut_records == 1, "{report:?}");
        log.close().unwrap();
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn a_torn_end_without_a_restart_is_a_finding() {
    let home = tempfile::tempdir().unwrap();
    write_run(home.path(), 3);
    let tail = home.path().join("data/audit.tail");
    let mut file = fs::OpenOptions::new().append(true).open(tail).unwrap();
    file.write_all(&[9; 30]).unwrap();
    let (log, opened) = open(home.path());
    assert_eq!((opened.cut_records, opened.findings.len()), (1, 1));
    let report = log.verify(None).unwrap();
    assert_eq!(
        (report.ok, report.broken_at, report.cut_records),
        (false, Some(4), 1)
    );
}

#[test]
fn a_log_that_was_rolled_back_or_lost_is_noticed_and_stays_noticed() {
    let home = tempfile::tempdir().unwrap();
    let newest = segment(home.path(), "audit-202501.redb");
    write_run(home.path(), 2);
    let old = fs::read(&newest).unwrap();
    write_run(home.path(), 2);
    fs::write(&newest, old).unwrap();
    for _ in 0..2 {
        let (log, _) = open(home.path());
        let report = log.verify(None).unwrap();
        assert_eq!(
            (report.ok, report.broken_at),
            (false, Some(3)),
            "{report:?}"
        );
        log.close().unwrap();
    }
    fs::remove_file(&newest).unwrap();
    let (log, opened) = open(home.path());
    assert_eq!(opened.findings, ["every segment is missing"]);
    assert!(!log.verify(None).unwrap().ok);
}

#[test]
fn a_damaged_segment_is_kept_aside_and_the_log_goes_on_in_another() {
    let home = tempfile::tempdir().unwrap();
    write_run(home.path(), 2);
    let damaged = segment(home.path(), "audit-202501.redb");
    fs::write(&damaged, b"not a database").unwrap();
    let (log, opened) = open(home.path());
    assert_eq!(opened.findings.len(), 1, "{opened:?}");
    let seq = log.intent(&call("next", JANUARY_MS)).unwrap();
    log.flush().unwrap();
    assert_eq!(seqs(&log, &all()), [seq]);
    assert!(seq > 2);
    assert!(segment(home.path(), "audit-202501-2.redb").exists());
    assert_eq!(fs::read(&damaged).unwrap(), b"not a database");
    assert!(!log.verify(None).unwrap().ok);
}

#[test]
fn another_process_is_kept_out_and_a_wrong_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    let second = AuditLog::open(&options(home.path())).unwrap_err();
    assert!(matches!(second, AuditError::Locked { .. }), "{second}");
    log.close().unwrap();
    fs::write(home.path().join("config/audit.key"), "short").unwrap();
    let wrong = AuditLog::open(&options(home.path())).unwrap_err();
    assert!(matches!(wrong, AuditError::Key { .. }), "{wrong}");
}

#[test]
fn many_threads_write_one_unbroken_chain() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for at in 0..500 {
                    let seq = log.intent(&call("ssh_exec", JANUARY_MS + at)).unwrap();
                    log.outcome(seq, &ended(Outcome::Ok)).unwrap();
                }
            });
        }
    });
    let report = log.verify(None).unwrap();
    assert!(report.ok && report.records == 4000, "{report:?}");
}

#[test]
fn a_record_that_a_kill_tore_between_two_pages_is_counted_and_no_finding_of_tampering() {
    let home = tempfile::tempdir().unwrap();
    write_run(home.path(), 3);
    let tail = home.path().join("data/audit.tail");
    let mut content = fs::read(&tail).unwrap();
    content.extend(9_000_u32.to_le_bytes());
    content.resize(4096, 7);
    fs::write(&tail, content).unwrap();
    let (log, opened) = open(home.path());
    assert_eq!((opened.cut_records, opened.findings.len()), (1, 1));
    let report = log.verify(None).unwrap();
    assert_eq!((report.ok, report.cut_records), (true, 1), "{report:?}");
}

#[test]
fn a_call_that_could_not_be_made_durable_is_recorded_as_one_that_never_ran() {
    let home = tempfile::tempdir().unwrap();
    let options = AuditOptions {
        sync_always: true,
        ..options(home.path())
    };
    let (log, _) = AuditLog::open(&options).unwrap();
    let in_the_way = segment(home.path(), "audit-202502.redb");
    fs::create_dir(&in_the_way).unwrap();
    let refused = log.intent(&call("ssh_exec", FEBRUARY_MS)).unwrap_err();
    assert!(matches!(refused, AuditError::NotDurable(_)), "{refused}");
    fs::remove_dir(&in_the_way).unwrap();
    log.flush().unwrap();
    let record = log.list(&all()).unwrap().remove(0);
    assert_eq!(record.outcome, RecordedOutcome::Error);
    let end = record.end.unwrap();
    assert_eq!(end.code.as_deref(), Some("unavailable"));
    assert!(end.result_head.starts_with("never ran"), "{end:?}");
    assert!(log.verify(None).unwrap().ok);
}

#[test]
fn readers_side_by_side_see_every_month() {
    const MONTHS: usize = 4;
    const READERS: usize = 4;
    let home = tempfile::tempdir().unwrap();
    let (log, _) = open(home.path());
    let month_ms = FEBRUARY_MS - JANUARY_MS;
    for at in (0..).take(MONTHS) {
        log.intent(&call("ssh_exec", JANUARY_MS + at * month_ms))
            .unwrap();
        log.flush().unwrap();
    }
    std::thread::scope(|scope| {
        for _ in 0..READERS {
            scope.spawn(|| {
                for round in 0..50 {
                    assert_eq!(seqs(&log, &all()).len(), MONTHS, "round {round}");
                }
            });
        }
    });
}
