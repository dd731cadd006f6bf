//! FAULTS 15: what was in flight when the daemon died is answered, never done
//! twice, and on record.

use std::collections::BTreeSet;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tests::World;
use tests::until::{SOON, pause, until_true};

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

#[test]
fn a_client_that_comes_while_the_daemon_ends_gets_the_next_one() {
    let world = World::new();
    let agent = world.connected("web");
    let first = world.daemon();
    let call = json!({"session_id": "web", "command": "sleep 4"});
    let running = agent.begin("ssh_exec", call);
    until_true("it runs", SOON, || {
        let rows = agent.call("history", json!({"tool": "ssh_exec"})).ok();
        rows[0]["outcome"] == "running"
    });
    first.terminate();
    let late = world.agent();
    // Who still met the old one is told to call again.
    let served = || !late.call("ssh_list", json!({})).is_error();
    until_true("it is served", SOON, served);
    assert_ne!(world.daemon().pid(), first.pid());
    assert_eq!(running.reply().ok()["exit_code"], 0, "it was drained");
}

#[test]
fn requests_of_a_client_that_wrote_and_closed_are_all_answered() {
    let world = World::new();
    drop(world.agent());
    let requests = |ids: std::ops::Range<u32>| -> String {
        let meta = json!({"io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientInfo": {"name": "story", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": {}});
        let mut lines = String::new();
        for id in ids {
            let request = json!({"jsonrpc": "2.0", "id": id, "method": "tools/list",
                "params": {"_meta": meta}});
            lines += &request.to_string();
            lines.push('\n');
        }
        lines
    };
    let mut bridge = world
        .bridge()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the bridge starts");
    let mut stdin = bridge.stdin.take().expect("its stdin");
    // Nobody takes the answers, so the bridge's buffers fill up; all requests
    // together fit the pipe, should it read no more.
    for round in 0..4 {
        let ids = round * 60..(round + 1) * 60;
        stdin
            .write_all(requests(ids).as_bytes())
            .expect("the pipe has room");
        pause(Duration::from_millis(400));
    }
    drop(stdin);
    pause(Duration::from_millis(300));
    let output = bridge.wait_with_output().expect("it ends");
    let answers = output.stdout.split(|byte| *byte == b'\n');
    assert_eq!(answers.filter(|line| !line.is_empty()).count(), 240);
}
