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
