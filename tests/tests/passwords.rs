//! Passwords: they open a session, are never kept, and bring it back when the
//! caller gives them again.

use serde_json::{Value, json};
use tests::rogue::{self, Rogue};
use tests::until::{SOON, until_true};
use tests::{Agent, Sshd, World};

fn state(agent: &Agent) -> Value {
    agent.call("ssh_list", json!({})).ok()[0]["state"].clone()
}

/// `spec` has a password, is persistent, and works.
fn a_password_is_lost_with_the_daemon_and_given_again(world: &World, spec: Value) {
    let agent = world.agent();
    let call = json!({"id": "web", "spec": spec});
    let opened = agent.call("ssh_connect", call.clone()).ok();
    assert_eq!(opened["state"], "connected", "{opened}");
    world.daemon().kill();

    let waits = || state(&agent) == "needs_auth";
    until_true("the session waits for its password", SOON, waits);
    let said = agent
        .call("ssh_exec", json!({"session_id": "web", "command": "true"}))
        .refused("needs_auth");
    assert!(said.contains("ssh_connect"), "{said}");

    let mut wrong = call.clone();
    wrong["spec"]["auth"]["password"] = json!("not this one");
    agent.call("ssh_connect", wrong).refused("auth_failed");
    assert_eq!(state(&agent), "needs_auth", "a wrong one changes nothing");

    let again = agent.call("ssh_connect", call.clone()).ok();
    assert_eq!(again["state"], "connected", "{again}");
    assert_eq!(agent.call("ssh_connect", call).ok()["reused"], true);
    world.daemon().kill();
    until_true("it is still remembered", SOON, waits);
}

#[test]
fn a_password_brings_a_session_back() {
    let world = World::new();
    let rogue = Rogue::start();
    let spec = json!({
        "user": "story",
        "addresses": [rogue.address()],
        "auth": {"password": rogue::PASSWORD},
        "host_key": rogue.fingerprint(),
        "disable_ssh_config": true,
        "persistent": true,
    });
    a_password_is_lost_with_the_daemon_and_given_again(&world, spec);
}

#[test]
fn a_password_brings_a_session_of_openssh_back() {
    let Some(line) = Sshd::with_passwords() else {
        println!("sshd checks passwords only as root; the story ran against our own server");
        return;
    };
    let world = World::with_sshd(&[line]);
    let spec = world.spec_with(json!({"auth": {"password": Sshd::password()}, "persistent": true}));
    a_password_is_lost_with_the_daemon_and_given_again(&world, spec);
}

#[test]
fn a_server_that_wants_a_key_and_then_a_password_gets_both() {
    let Some(line) = Sshd::with_passwords() else {
        println!("sshd checks passwords only as root");
        return;
    };
    for methods in ["publickey,password", "password,publickey"] {
        let chain = format!("AuthenticationMethods {methods}");
        let world = World::with_sshd(&[line, &chain]);
        let agent = world.agent();
        let key = world.key.path.display().to_string();
        let with =
            |auth: Value| json!({"id": "web", "spec": world.spec_with(json!({"auth": auth}))});
        let opened = agent.call(
            "ssh_connect",
            with(json!({"key_path": key, "password": Sshd::password()})),
        );
        assert_eq!(opened.ok()["state"], "connected");
        agent.call("ssh_disconnect", json!({"id": "web"})).words();
        let alone = with(json!({"key_path": key}));
        let said = agent.call("ssh_connect", alone).refused("auth_failed");
        assert!(said.contains("password"), "{said}");
        let wrong = with(json!({"key_path": key, "password": "not this one"}));
        agent.call("ssh_connect", wrong).refused("auth_failed");
    }
}

#[test]
fn keyboard_interactive_gets_the_password_and_a_second_factor_is_left_to_a_person() {
    let (Some(questions), Some(second)) = (Sshd::with_questions(false), Sshd::with_questions(true))
    else {
        println!("sshd checks passwords only as root");
        return;
    };
    let auth = |world: &World| world.spec_with(json!({"auth": {"password": Sshd::password()}}));
    let world = World::with_sshd(&[questions]);
    let agent = world.agent();
    let opened = agent.call("ssh_connect", json!({"id": "web", "spec": auth(&world)}));
    assert_eq!(opened.ok()["state"], "connected");
    let wrong = world.spec_with(json!({"auth": {"password": "not this one"}}));
    let call = json!({"id": "other", "spec": wrong});
    agent.call("ssh_connect", call).refused("auth_failed");

    // Also behind a key.
    for chain in ["", "AuthenticationMethods publickey,keyboard-interactive"] {
        let world = World::with_sshd(&[second, chain]);
        let key = world.key.path.display().to_string();
        let mut spec = auth(&world);
        if !chain.is_empty() {
            spec["auth"]["key_path"] = json!(key);
        }
        let agent = world.agent();
        let call = json!({"id": "web", "spec": spec});
        let said = agent.call("ssh_connect", call).refused("needs_auth");
        assert!(said.contains("asks `Verification code:`"), "{said}");
        assert!(said.contains("only a person can answer"), "{said}");
    }
}
