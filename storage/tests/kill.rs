//! kill -9 at random moments (FAULTS 1): what was acknowledged is there, at
//! most one change more, and the next start takes under a second.
//!
//! The victim is this test's own binary, running one of the ignored tests.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use schema::Id;
use schema::spec::SshSpec;
use storage::audit::{AuditLog, AuditOptions, CallEnd, NewCall, RecordedOutcome};
use storage::spool::{Bounds, Card, Limits, Spool, StreamFile, StreamName};
use storage::state::{Change, SavedSession, StateOptions, StateStore};

const ROUNDS: usize = 60;
const SPOOL_ROUNDS: usize = 30;
/// What the victim appends at most at once: more than its ring has.
const PIECE_MAX_BYTES: u64 = 9000;
const OPENS_WITHIN: Duration = Duration::from_secs(1);

fn state_options(home: &Path) -> StateOptions {
    StateOptions {
        path: home.join("state.redb"),
        backups_folder: home.join("backups"),
        go_state: None,
        program_version: "0".into(),
        now_ms: 0,
    }
}

fn audit_options(home: &Path) -> AuditOptions {
    AuditOptions {
        folder: home.to_path_buf(),
        key_path: home.join("audit.key"),
        boot_id: "boot".into(),
        now_ms: 0,
        sync_always: false,
    }
}

fn session(number: usize) -> SavedSession {
    SavedSession {
        id: Id::new(format!("{number:08}")).unwrap(),
        spec: SshSpec::default(),
        lacks_inline_secret: false,
        agent_socket: None,
        cwd: None,
        opened_by: "victim".into(),
        created_at_ms: 0,
    }
}

/// The spool's one job, begun if it is not there.
fn stream(home: &Path) -> StreamFile {
    let limits = Limits {
        bounds: Bounds {
            head: 20_000,
            ring: 6000,
        },
        ..Limits::default()
    };
    let (spool, found) = Spool::open(&home.join("spool"), limits, 0).unwrap();
    if !found.is_empty() {
        return spool.open_stream("job-1", StreamName::Stdout).unwrap();
    }
    let card = Card {
        job_id: "job-1".into(),
        tool: "ssh_exec".into(),
        target: "web".into(),
        command: "yes".into(),
        raw: false,
        started_at_ms: 0,
        seq: None,
        end: None,
    };
    spool.begin(&card).unwrap();
    spool.create_stream("job-1", StreamName::Stdout).unwrap()
}

/// Bytes of which each says where it is.
fn printed(from: u64, length: u64) -> Vec<u8> {
    let byte = |at: u64| (at.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8;
    (from..from + length).map(byte).collect()
}

/// Runs a victim until some acknowledgements came and a moment more; all of
/// its acknowledgements.
fn kill_at_a_random_moment(victim: &str, home: &Path) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", victim, "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", home.display()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let random = getrandom::u32().unwrap();
    let mut acknowledged = Vec::new();
    while acknowledged.len() < 1 + random as usize % 12 {
        let mut line = String::new();
        assert!(lines.read_line(&mut line).unwrap() > 0, "the victim ended");
        acknowledged.extend(line.trim().strip_prefix("ack ").map(str::to_owned));
    }
    std::thread::sleep(Duration::from_micros(u64::from(random >> 8) % 3000));
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    let rest = rest.lines().filter_map(|line| line.strip_prefix("ack "));
    acknowledged.extend(rest.map(str::to_owned));
    acknowledged
}

fn home_from_stdin() -> PathBuf {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    PathBuf::from(line.trim())
}

fn acknowledge(what: &str) {
    let line = format!("ack {what}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
#[ignore = "a victim, run by the tests below"]
async fn state_victim() {
    let (store, opened) = StateStore::open(state_options(&home_from_stdin())).unwrap();
    for number in opened.picture.sessions.len().. {
        let change = Change::PutSession(Box::new(session(number)));
        store.commit(vec![change]).await.unwrap();
        acknowledge(&number.to_string());
    }
}

#[test]
#[ignore = "a victim, run by the tests below"]
fn audit_victim() {
    let (log, _) = AuditLog::open(&audit_options(&home_from_stdin())).unwrap();
    loop {
        let seq = log.intent(&NewCall::default()).unwrap();
        acknowledge(&format!("intent {seq}"));
        log.read(NewCall::default(), CallEnd::default());
        log.outcome(seq, &CallEnd::default()).unwrap();
        acknowledge(&format!("outcome {seq}"));
    }
}

#[test]
#[ignore = "a victim, run by the tests below"]
fn spool_victim() {
    let mut stream = stream(&home_from_stdin());
    loop {
        let random = u64::from(getrandom::u32().unwrap());
        let length = 1 + random
            % if random & 1 == 0 {
                300
            } else {
                PIECE_MAX_BYTES
            };
        let next = printed(stream.total(), length);
        stream.append(&next).unwrap();
        acknowledge(&stream.total().to_string());
    }
}

#[tokio::test]
async fn a_killed_state_has_all_that_was_acknowledged_and_at_most_one_change_more() {
    let home = tempfile::tempdir().unwrap();
    let mut before = 0;
    for round in 0..ROUNDS {
        let acknowledged = kill_at_a_random_moment("state_victim", home.path());
        let least = before + acknowledged.len();
        let begun = Instant::now();
        let (store, opened) = StateStore::open(state_options(home.path())).unwrap();
        assert!(begun.elapsed() < OPENS_WITHIN, "{:?}", begun.elapsed());
        let there = opened.picture.sessions;
        assert!(
            there.len() == least || there.len() == least + 1,
            "round {round}"
        );
        let expected: Vec<_> = (0..there.len()).map(session).collect();
        assert_eq!(there, expected);
        before = there.len();
        store.close().await;
    }
}

#[test]
fn a_killed_audit_log_has_all_that_was_acknowledged_and_an_unbroken_chain() {
    let home = tempfile::tempdir().unwrap();
    let mut newest = 0;
    for round in 0..ROUNDS {
        let acknowledged = kill_at_a_random_moment("audit_victim", home.path());
        let begun = Instant::now();
        let (log, opened) = AuditLog::open(&audit_options(home.path())).unwrap();
        assert!(begun.elapsed() < OPENS_WITHIN, "{:?}", begun.elapsed());
        // A kill within a write can tear it; nobody was told of that record.
        assert!(opened.cut_records <= 1, "round {round}: {opened:?}");
        assert!(opened.unfinished.len() <= 1, "round {round}: {opened:?}");
        for line in &acknowledged {
            let (kind, seq) = line.split_once(' ').unwrap();
            let seq = seq.parse().unwrap();
            let record = log.get(seq).unwrap().unwrap();
            assert!(
                kind == "intent" || record.outcome == RecordedOutcome::Ok,
                "{line}"
            );
            assert!(
                seq > newest || kind == "outcome",
                "{seq} was given out twice"
            );
            newest = seq.max(newest);
        }
        let report = log.verify(None).unwrap();
        assert!(report.ok, "round {round}: {report:?}");
        log.close().unwrap();
    }
}

#[test]
fn a_killed_jobs_output_has_all_that_was_acknowledged_and_no_byte_in_anothers_place() {
    let home = tempfile::tempdir().unwrap();
    drop(stream(home.path()));
    for round in 0..SPOOL_ROUNDS {
        let acknowledged = kill_at_a_random_moment("spool_victim", home.path());
        let least: u64 = acknowledged.last().unwrap().parse().unwrap();
        let begun = Instant::now();
        let mut stream = stream(home.path());
        assert!(begun.elapsed() < OPENS_WITHIN, "{:?}", begun.elapsed());
        let total = stream.total();
        assert!(
            (least..=least + PIECE_MAX_BYTES).contains(&total),
            "round {round}: {total} after {least}"
        );
        let lost = is_a_prefix(&stream, &format!("round {round}"));
        // The piece that was being written may have begun to replace the end.
        let settled = total.saturating_sub(26_000);
        assert!((settled..=settled + 6000).contains(&lost), "round {round}");
        stream.append(&printed(total, 6000)).unwrap();
        let lost = is_a_prefix(&stream, &format!("after round {round}"));
        assert_eq!(lost, (total + 6000).saturating_sub(26_000), "round {round}");
    }
}

/// Every byte that is there is the one that was written there; how many are
/// not there.
fn is_a_prefix(stream: &StreamFile, when: &str) -> u64 {
    let (mut offset, mut lost) = (0, 0);
    while offset < stream.total() {
        let part = stream.read(offset, 4096).unwrap();
        let right = printed(part.offset, part.data.len() as u64);
        assert!(part.data == right, "{when}: from {}", part.offset);
        assert_eq!(part.offset - part.lost_bytes, offset, "{when}");
        lost += part.lost_bytes;
        offset = part.next_offset;
    }
    assert_eq!(lost, stream.lost(), "{when}");
    lost
}
