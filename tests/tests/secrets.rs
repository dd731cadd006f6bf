//! SECURITY 2 and 4: a password and the token are nowhere but where they must.

use serde_json::json;
use tests::rogue::{PASSWORD, Rogue};
use tests::{World, process};

/// Found anywhere, it was a leak.
const CANARY: &str = "canary-4f1c9a-password";

#[test]
fn a_password_is_in_no_file_no_reply_and_no_command_line() {
    let world = World::with_sshd(&["PasswordAuthentication yes"]);
    let agent = world.agent();
    let spec = world.spec_with(json!({"auth": {"password": CANARY}, "persistent": true}));
    let reply = agent.call("ssh_connect", json!({"id": "web", "spec": spec}));
    assert!(!reply.raw().to_string().contains(CANARY));
    assert!(!process::command_lines().contains(CANARY));
    let shown = agent.call("history", json!({})).text();
    assert!(!shown.contains(CANARY));
    world.daemon().kill();
    found_only_in(&world, CANARY, &[]);
    assert!(!agent.stderr().contains(CANARY));
}

#[test]
fn a_password_that_works_is_kept_nowhere_either() {
    let world = World::new();
    let rogue = Rogue::start();
    let agent = world.agent();
    let spec = json!({
        "user": "story",
        "addresses": [rogue.address()],
        "auth": {"password": PASSWORD},
        "host_key": rogue.fingerprint(),
        "disable_ssh_config": true,
        "persistent": true,
    });
    let reply = agent.call("ssh_connect", json!({"id": "web", "spec": spec}));
    assert_eq!(reply.ok()["state"], "connected");
    for tool in ["snapshot", "ssh_list", "history"] {
        let shown = agent.call(tool, json!({}));
        assert!(!shown.raw().to_string().contains(PASSWORD), "{tool}");
    }
    world.daemon().kill();
    found_only_in(&world, PASSWORD, &[]);
}

#[test]
fn the_token_is_in_the_handle_alone() {
    let world = World::new();
    let agent = world.connected("web");
    agent
        .call("ssh_exec", json!({"session_id": "web", "command": "true"}))
        .ok();
    let token = world.daemon().handle().token.expose().to_owned();
    assert!(!process::command_lines().contains(&token));
    assert!(!agent.stderr().contains(&token));
    found_only_in(&world, &token, &["daemon.json"]);
}

#[test]
fn a_secret_variable_is_not_on_record() {
    let world = World::new();
    let agent = world.connected("web");
    let call = json!({"session_id": "web", "command": "true", "env": {"DB_PASSWORD": CANARY}});
    agent.call("ssh_exec", call).ok();
    let row = agent.call("history", json!({"tool": "ssh_exec"})).ok();
    assert_eq!(row[0]["outcome"], "ok");
    agent.call("snapshot", json!({})).ok();
    found_only_in(&world, CANARY, &[]);
    // The call itself is on record, with a word in the secret's place.
    let kept = |(_, bytes): &(_, Vec<u8>)| bytes.windows(10).any(|word| word == b"[redacted]");
    assert!(world.written_files().iter().any(kept));
}

fn found_only_in(world: &World, secret: &str, allowed: &[&str]) {
    for (path, bytes) in world.written_files() {
        let named = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let holds = bytes
            .windows(secret.len())
            .any(|window| window == secret.as_bytes());
        assert!(
            !holds || allowed.contains(&named),
            "it is in {}",
            path.display()
        );
    }
}
