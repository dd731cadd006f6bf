//! FAULTS 15: what was in flight when the daemon died is answered, never done
//! twice, and on record.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tests::World;
use tests::until::{SOON, until_true};

/// Calls in flight.
const CALLS: usize = 20;

#[test]
fn every_call_in_flight_is_answered_once_and_run_at_most_once() {
    let world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    let log = world.remote("log");
    let line = |index| format!("echo {index} >> {}; sleep 3", log.display());
    let begin = |index| {
        agent.begin(
            "ssh_exec",
            json!({"session_id": "web", "command": line(index)}),
        )
    };
    let pending: Vec<_> = (0..CALLS).map(begin).collect();
    until_true("some ran", SOON, || {
        world.remote_lines("log").len() >= CALLS / 2
    });
    world.daemon().kill();
    for one in &pending {
        let reply = one
            .within(Duration::from_secs(10))
            .expect("an answer within 10 s");
        assert!(
            reply.is_error() && reply.text().contains("history"),
            "{reply:?}"
        );
        assert_eq!(one.answers(), 1);
    }
    let lines = world.remote_lines("log");
    assert_eq!(
        lines.iter().collect::<BTreeSet<_>>().len(),
        lines.len(),
        "one ran twice: {lines:?}"
    );
    let rows = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    let known = rows.as_array().expect("rows");
    assert!(
        known.len() >= lines.len(),
        "{} ran, {} are on record",
        lines.len(),
        known.len()
    );
    assert!(
        known.iter().all(|row| row["outcome"] != "running"),
        "{rows}"
    );
}

#[test]
fn a_read_in_flight_is_repeated_and_not_noticed() {
    let world = World::new();
    let agent = world.connected("web");
    let daemon = world.daemon();
    daemon.freeze();
    let pending = agent.begin("ssh_list", json!({}));
    daemon.kill();
    assert!(
        !pending
            .within(Duration::from_secs(10))
            .expect("an answer")
            .is_error()
    );
}
