//! FAULTS 11, 12, 13, 16, 17 and 22: daemons and bridges that come, go and hang.

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::until::{SOON, until, until_true};
use tests::{Agent, Era, World};

#[test]
fn the_second_of_two_daemons_leaves_with_75() {
    let world = World::new();
    let agent = world.connected("web");
    let first = world.daemon();
    let output = world.daemon_command().output().expect("a second daemon");
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert_eq!(world.daemon().pid(), first.pid());
    assert!(!agent.call("ssh_list", json!({})).is_error());
}

#[test]
fn a_handle_of_a_dead_daemon_is_replaced() {
    let world = World::new();
    drop(world.agent());
    let dead = world.daemon();
    dead.kill();
    assert!(!world.agent().call("ssh_list", json!({})).is_error());
    assert_ne!(world.daemon().handle().instance, dead.handle().instance);
}

#[test]
fn handle_and_folders_are_the_owners_alone() {
    let world = World::new();
    drop(world.agent());
    let place = world.place();
    world.daemon();
    let mode = |path: &std::path::Path| {
        std::fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&place.handle), 0o600);
    assert_eq!(mode(place.config_folder()), 0o700);
    assert_eq!(mode(place.data_folder()), 0o700);
    for (path, _) in world.written_files() {
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
}

#[test]
fn a_frozen_daemon_is_named_and_not_killed() {
    let world = World::new();
    drop(world.agent());
    let daemon = world.daemon();
    daemon.freeze();
    let start = Instant::now();
    let agent = Agent::silent(world.bridge(), Era::Handshake);
    let hello = agent
        .initialize()
        .within(Duration::from_secs(15))
        .expect("an answer, it must not hang");
    let said = hello.text() + &agent.stderr();
    assert!(
        said.contains(&daemon.pid().to_string()),
        "after {:?}: {said}",
        start.elapsed()
    );
    daemon.thaw();
    assert!(daemon.is_alive());
}

#[test]
fn a_client_goes_on_after_each_of_five_new_tokens() {
    let world = World::new();
    let agent = world.agent();
    let mut tokens = Vec::new();
    for _ in 0..5 {
        assert!(!agent.call("ssh_list", json!({})).is_error());
        let daemon = world.daemon();
        let token = daemon.handle().token.expose().to_owned();
        assert!(token.len() >= 64 && !tokens.contains(&token));
        tokens.push(token);
        daemon.kill();
    }
}

#[test]
fn a_bridge_is_gone_a_second_after_its_client_and_the_session_stays() {
    let world = World::new();
    let mut agent = world.connected("web");
    agent.close();
    assert!(
        agent
            .ended(Duration::from_secs(1))
            .is_some_and(|status| status.success())
    );
    let rows = world.agent().call("ssh_list", json!({})).ok();
    assert_eq!(rows[0]["state"], "connected");
}

#[test]
fn a_daemon_that_is_asked_to_end_drains_and_records() {
    let world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    let daemon = world.daemon();
    let pending = agent.begin(
        "ssh_exec",
        json!({"session_id": "web", "command": "sleep 60"}),
    );
    until("the command is on record", SOON, || {
        let rows = agent.call("history", json!({"tool": "ssh_exec"})).ok();
        (rows[0]["outcome"] == "running").then_some(())
    });
    daemon.terminate();
    daemon.wait_gone(Duration::from_secs(12));
    assert!(pending.within(Duration::from_secs(10)).is_some());
    let cut_off = || {
        let rows = agent.call("history", json!({"tool": "ssh_exec"})).ok();
        rows[0]["outcome"] == "interrupted"
    };
    until_true("the call is recorded as interrupted", SOON, cut_off);
}

#[test]
fn a_handle_that_others_could_have_written_is_replaced_and_not_followed() {
    let world = World::new();
    drop(world.agent());
    let dead = world.daemon();
    dead.kill();
    let handle = world.place().handle;
    let planted = handle.with_file_name("planted.json");
    std::fs::rename(&handle, &planted).expect("the handle moves");
    std::os::unix::fs::symlink(&planted, &handle).expect("a link in its place");
    assert!(!world.agent().call("ssh_list", json!({})).is_error());
    let found = std::fs::symlink_metadata(&handle).expect("a handle");
    assert!(found.is_file(), "a file of its own, not the link");
    assert_ne!(world.daemon().handle().instance, dead.handle().instance);
}
