//! FAULTS 4, 9 and 14: a state that cannot be trusted is refused, kept, and
//! never silently replaced.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tests::until::{SOON, until_true};
use tests::{Agent, Era, World};

/// A home with one persistent session whose daemon is gone.
fn remembered() -> World {
    let world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    let daemon = world.daemon();
    drop(agent);
    daemon.kill();
    world
}

/// What a client hears of a daemon that does not serve.
fn refusal(world: &World) -> String {
    let agent = Agent::silent(world.bridge(), Era::Handshake);
    let hello = agent.initialize().reply();
    let said = if hello.is_error() {
        hello.text()
    } else {
        agent.initialized();
        let reply = agent.call("ssh_list", json!({}));
        assert!(reply.is_error(), "it served: {reply:?}");
        reply.text()
    };
    said + &agent.stderr()
}

#[test]
fn a_damaged_state_is_refused_with_its_path_and_kept() {
    for damage in [&b""[..], b"not a database at all", &[0; 8192]] {
        let world = remembered();
        let state = world.place().state;
        std::fs::write(&state, damage).expect("the damage");
        let said = refusal(&world);
        assert!(said.contains("state.redb"), "{said}");
        let kept = world
            .written_files()
            .iter()
            .any(|(_, bytes)| bytes.as_slice() == damage);
        assert!(kept, "the damaged file is gone");
    }
}

#[test]
fn a_state_cut_in_the_middle_is_refused() {
    let world = remembered();
    let state = world.place().state;
    let bytes = std::fs::read(&state).expect("the state");
    std::fs::write(&state, &bytes[..bytes.len() / 2]).expect("the damage");
    assert!(refusal(&world).contains("state.redb"));
}

#[test]
fn a_daemon_that_cannot_start_is_heard_and_started_three_times_a_minute() {
    let mut world = World::new();
    world.configure("this is = = no configuration");
    // The daemon, with a line in a file for each start.
    let starts = world.home().join("starts");
    let counting = world.home().join("counting-daemon");
    let daemon = tests::programs::daemon();
    let script = format!(
        "#!/bin/sh\necho start >> {}\nexec {} \"$@\"\n",
        starts.display(),
        daemon.display()
    );
    std::fs::write(&counting, script).expect("the script");
    std::fs::set_permissions(&counting, std::fs::Permissions::from_mode(0o700)).expect("its mode");
    world.set("REMOTE_SHELL_MCP_DAEMON", &counting.display().to_string());
    for _ in 0..6 {
        let agent = Agent::silent(world.bridge(), Era::Handshake);
        let hello = agent.initialize().reply();
        let said = hello.text() + &agent.stderr();
        assert!(said.contains("config.toml"), "{said}");
    }
    let started = std::fs::read_to_string(&starts).expect("it was started");
    assert_eq!(started.lines().count(), 3);
}

#[test]
fn a_missing_home_is_a_clear_error() {
    let world = World::new();
    let mut daemon = world.daemon_command();
    daemon.env("HOME", "/proc/no-such-home");
    let output = daemon.output().expect("the daemon starts");
    assert_eq!(output.status.code(), Some(78), "{output:?}");
    let told = || !output.stderr.is_empty();
    until_true("it says why", SOON, told);
}
