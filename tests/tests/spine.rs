//! The first promise: a session outlives its daemon.

use serde_json::json;
use tests::World;

#[test]
fn a_persistent_session_outlives_its_daemon() {
    let world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    let before = world.daemon();
    before.kill();
    let result = agent
        .call(
            "ssh_exec",
            json!({"session_id": "web", "command": "echo back"}),
        )
        .ok();
    assert_eq!(result["stdout"], "back\n");
    assert_ne!(world.daemon().pid(), before.pid());
}

#[test]
fn both_eras_see_the_same_session() {
    let world = World::new();
    let older = world.connected("web");
    let modern = world.modern_agent();
    let rows = modern.call("ssh_list", json!({})).ok();
    assert_eq!(rows[0]["id"], "web");
    assert_eq!(older.call("ssh_list", json!({})).ok(), rows);
}

#[test]
fn what_was_done_is_on_record() {
    let world = World::new();
    let agent = world.connected("web");
    agent
        .call(
            "ssh_exec",
            json!({"session_id": "web", "command": "exit 3"}),
        )
        .ok();
    world.daemon().kill();
    let rows = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    assert_eq!(
        (rows[0]["target"].as_str(), rows[0]["exit_code"].as_i64()),
        (Some("web"), Some(3))
    );
}

#[test]
fn a_session_that_was_disconnected_stays_gone() {
    let world = World::new();
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.persistent()}),
        )
        .ok();
    assert!(
        agent
            .call("ssh_disconnect", json!({"id": "web"}))
            .words()
            .contains("disconnected web")
    );
    world.daemon().kill();
    assert_eq!(agent.call("ssh_list", json!({})).ok(), json!([]));
}
