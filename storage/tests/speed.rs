//! Sanity of the speeds that the design counts on, with bounds that a slow
//! machine keeps too. `--nocapture` shows the numbers.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(clippy::print_stdout, reason = "the numbers are for a person")]

use std::fmt::Display;
use std::time::{Duration, Instant};

use schema::Id;
use schema::spec::SshSpec;
use storage::audit::{AuditLog, AuditOptions, CallEnd, HistoryQuery, NewCall};
use storage::private_files;
use storage::spool::{Card, CardEnd, Limits, Spool, StreamName};
use storage::state::{Change, SavedSession, StateOptions, StateStore};

fn say(what: &str, took: impl Display) {
    println!("{what}: {took}");
}

fn put(number: u64) -> Change {
    Change::PutSession(Box::new(SavedSession {
        id: Id::new(format!("s{number}")).unwrap(),
        spec: SshSpec::default(),
        lacks_inline_secret: false,
        agent_socket: None,
        cwd: None,
        opened_by: "test".into(),
        created_at_ms: 0,
    }))
}

#[tokio::test]
async fn changes_that_wait_together_share_a_commit() {
    let home = tempfile::tempdir().unwrap();
    let options = StateOptions {
        path: home.path().join("state.redb"),
        backups_folder: home.path().join("backups"),
        go_state: None,
        program_version: "0".into(),
        now_ms: 0,
    };
    let (store, _) = StateStore::open(options.clone()).unwrap();
    let begun = Instant::now();
    for number in 0..50 {
        store.commit(vec![put(number)]).await.unwrap();
    }
    let alone = begun.elapsed() / 50;
    say("a commit alone, us", alone.as_micros());

    let begun = Instant::now();
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..64 {
        let store = store.clone();
        callers.spawn(async move {
            for number in caller * 1000..caller * 1000 + 50 {
                store.commit(vec![put(number)]).await.unwrap();
            }
        });
    }
    callers.join_all().await;
    let together = begun.elapsed() / (64 * 50);
    say("a change among 64 callers, us", together.as_micros());
    assert!(together < alone, "{together:?} against {alone:?} alone");
    store.close().await;
    let begun = Instant::now();
    StateStore::open(options).unwrap();
    say(
        "opening 3250 sessions with a backup, ms",
        begun.elapsed().as_millis(),
    );
}

#[test]
fn an_intent_and_its_outcome_cost_far_less_than_a_commit() {
    let home = tempfile::tempdir().unwrap();
    let options = AuditOptions {
        folder: home.path().to_path_buf(),
        key_path: home.path().join("key"),
        boot_id: "boot".into(),
        now_ms: 0,
        sync_always: false,
    };
    let (log, _) = AuditLog::open(&options).unwrap();
    let call = NewCall {
        arguments_json: r#"{"session_id":"web","command":"ls -la /srv"}"#.into(),
        ..NewCall::default()
    };
    let begun = Instant::now();
    for _ in 0..5000 {
        let seq = log.intent(&call).unwrap();
        log.outcome(seq, &CallEnd::default()).unwrap();
    }
    let each = begun.elapsed() / 5000;
    say("an intent and its outcome, us", each.as_micros());
    assert!(each < Duration::from_millis(2), "{each:?}");
    log.flush().unwrap();
    let begun = Instant::now();
    assert_eq!(log.list(&HistoryQuery::default()).unwrap().len(), 50);
    say("the newest 50 of 5000, us", begun.elapsed().as_micros());
    let begun = Instant::now();
    assert!(log.verify(None).unwrap().ok);
    say("verifying 5000, ms", begun.elapsed().as_millis());
    log.close().unwrap();
    let begun = Instant::now();
    AuditLog::open(&options).unwrap();
    say("opening 5000, ms", begun.elapsed().as_millis());
}

fn ended_job(number: u64) -> Card {
    Card {
        job_id: format!("job-1a2b-{number}"),
        tool: "ssh_exec".into(),
        target: "web".into(),
        command: "ls -la /srv".into(),
        raw: false,
        started_at_ms: 0,
        seq: Some(number),
        end: Some(CardEnd::default()),
    }
}

#[test]
fn a_spool_of_a_thousand_jobs_opens_at_once() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("spool");
    let (spool, _) = Spool::open(&folder, Limits::default(), 0).unwrap();
    let begun = Instant::now();
    for number in 0..1000 {
        let card = ended_job(number);
        spool.begin(&card).unwrap();
        let stream = spool.create_stream(&card.job_id, StreamName::Stdout);
        stream.unwrap().append(b"some output").unwrap();
    }
    let each = begun.elapsed() / 1000;
    say("a job with a stream, us", each.as_micros());
    let begun = Instant::now();
    let (spool, found) = Spool::open(&folder, Limits::default(), 0).unwrap();
    let took = begun.elapsed();
    say("opening 1000 jobs, ms", took.as_millis());
    assert_eq!(found.len(), 1000);
    assert!(took < Duration::from_secs(3), "{took:?}");
    let begun = Instant::now();
    assert!(spool.tidy(0, |_| false).unwrap().is_empty());
    say("tidying 1000 jobs, ms", begun.elapsed().as_millis());
    let begun = Instant::now();
    for number in 0..100 {
        spool.write_card(&ended_job(number)).unwrap();
    }
    say("a card, us", begun.elapsed().as_micros() / 100);
    let begun = Instant::now();
    for number in 0..100 {
        private_files::replace(&folder.join(format!("job-1a2b-{number}/card")), b"{}").unwrap();
    }
    say("a synced one, us", begun.elapsed().as_micros() / 100);
}

#[test]
fn a_gibibyte_of_output_needs_no_more_memory_than_its_pieces() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = Spool::open(&home.path().join("spool"), Limits::default(), 0).unwrap();
    spool.begin(&ended_job(1)).unwrap();
    let mut stream = spool
        .create_stream("job-1a2b-1", StreamName::Stdout)
        .unwrap();
    let piece = vec![7; 32 << 10];
    let before = peak_memory_kib();
    let begun = Instant::now();
    while stream.total() < 1 << 30 {
        stream.append(&piece).unwrap();
    }
    let took = begun.elapsed();
    say("1 GiB in pieces of 32 KiB, ms", took.as_millis());
    let grown = peak_memory_kib().saturating_sub(before);
    say("memory for it, KiB", grown);
    // The tests beside this one may be what grew, so the bound is wide.
    assert!(grown < 256 << 10, "{grown} KiB");
    assert_eq!(stream.lost(), (1 << 30) - (16 << 20));
    assert!(spool.disk_bytes() < 17 << 20, "{}", spool.disk_bytes());
}

/// The most that this process ever had, where the system says it.
fn peak_memory_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = peak.and_then(|peak| peak.trim().strip_suffix(" kB"));
    number.map_or(0, |number| number.trim().parse().unwrap())
}
