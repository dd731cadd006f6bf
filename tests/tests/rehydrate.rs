//! FAULTS 31 and 32: what cannot be reached is not forgotten, and the daemon
//! serves at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::{pause, until_true};
use tests::{Agent, World};

#[test]
fn a_session_whose_host_is_down_at_two_starts_comes_back_with_the_host() {
    let mut world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    world.sshd.kill();
    for _ in 0..2 {
        world.daemon().kill();
        assert_eq!(row(&agent, "web")["persistent"], true);
    }
    world.sshd.up();
    let back = || row(&agent, "web")["state"] == "connected";
    until_true("the session is back", Duration::from_secs(45), back);
}

/// Sessions of which every second is out of reach.
const MANY: usize = 200;

#[test]
fn two_hundred_sessions_half_of_them_out_of_reach() {
    let world = World::with_sshd(&["MaxStartups 10"]);
    let agent = world.agent();
    for index in 0..MANY {
        let call = json!({"id": format!("s{index}"), "spec": world.persistent()});
        let connected = || !agent.call("ssh_connect", call.clone()).is_error();
        until_true("a session", Duration::from_secs(20), connected);
    }
    // Every second one loses the address that works: reserved, so never there.
    for index in (0..MANY).step_by(2) {
        let id = format!("s{index}");
        agent.call("ssh_disconnect", json!({"id": id})).words();
        let spec = world
            .spec_with(json!({"persistent": true, "addresses": ["127.0.0.1:1"], "timeout": "2s"}));
        agent.begin("ssh_connect", json!({"id": id, "spec": spec}));
    }
    pause(Duration::from_millis(500));
    world.daemon().kill();
    let start = Instant::now();
    assert!(!agent.call("ssh_list", json!({})).is_error());
    let served = start.elapsed();
    until_true("the reachable ones are up", Duration::from_secs(30), || {
        up(&agent) >= MANY / 2
    });
    println!(
        "200 sessions: served after {served:?}, reachable ones up after {:?}",
        start.elapsed()
    );
    assert!(served < Duration::from_secs(3), "{served:?}");
}

fn up(agent: &Agent) -> usize {
    let rows = agent.call("status", json!({})).ok();
    let rows = rows["sessions"].as_array().cloned().unwrap_or_default();
    rows.iter()
        .filter(|row| row["state"] == "connected")
        .count()
}

fn row(agent: &Agent, id: &str) -> Value {
    let rows = agent.call("ssh_list", json!({})).ok();
    let found = rows
        .as_array()
        .into_iter()
        .flatten()
        .find(|row| row["id"] == id);
    found
        .cloned()
        .unwrap_or_else(|| panic!("{id} is not in {rows}"))
}
