//! FAULTS 31 and 32: what cannot be reached is not forgotten, and the daemon
//! serves at once.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::until_true;
use tests::{Agent, Sshd, World};

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
    let mut other = Sshd::start(&world.home().join("other"), &[]);
    other.authorize(&[&world.key]);
    let agent = world.agent();
    let far = world.spec_with(json!({
        "persistent": true,
        "addresses": [other.address()],
        "host_key": other.fingerprint(),
    }));
    for index in 0..MANY / 2 {
        for (name, spec) in [("near", world.persistent()), ("far", far.clone())] {
            let call = json!({"id": format!("{name}{index}"), "spec": spec});
            agent.call("ssh_connect", call).ok();
        }
    }
    // It takes connections and says nothing, as a machine that hangs.
    other.freeze();
    world.daemon().kill();
    let start = Instant::now();
    assert!(!agent.call("ssh_list", json!({})).is_error());
    let served = start.elapsed();
    until_true("the reachable ones are up", Duration::from_secs(30), || {
        up(&agent) >= MANY / 2
    });
    let came_up = start.elapsed();
    println!("200 sessions: served after {served:?}, reachable ones up after {came_up:?}");
    assert!(served < Duration::from_secs(1), "{served:?}");
    assert!(came_up < Duration::from_secs(10), "{came_up:?}");
    let status = agent.call("status", json!({})).ok();
    assert_eq!(
        status["rehydration"]["total"], MANY,
        "{}",
        status["rehydration"]
    );
    let refused = world.sshd.log().matches("drop connection").count();
    assert_eq!(refused, 0, "sshd had to refuse some");
    // A call to the host that hangs is answered although many dial it.
    let mut late = far;
    late["timeout"] = json!("1s");
    let start = Instant::now();
    let call = json!({"id": "late", "spec": late});
    agent.call("ssh_connect", call).refused("timeout");
    assert!(start.elapsed() < Duration::from_secs(5));
    other.thaw();
    until_true("the others are up too", Duration::from_mins(1), || {
        up(&agent) == MANY
    });
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
