//! `ssh_connect` and its family, on a real sshd.

use serde_json::json;
use tests::{Key, KeyAgent, World};

#[test]
fn the_same_id_and_spec_is_the_living_session() {
    let world = World::new();
    let agent = world.connected("web");
    let again = agent
        .call("ssh_connect", json!({"id": "web", "spec": world.spec()}))
        .ok();
    assert_eq!(
        (again["reused"].as_bool(), again["state"].as_str()),
        (Some(true), Some("connected"))
    );
}

#[test]
fn the_same_id_with_another_spec_names_what_differs() {
    let world = World::new();
    let agent = world.connected("web");
    let other = world.spec_with(json!({"keepalive": "3s", "persistent": true}));
    let said = agent
        .call("ssh_connect", json!({"id": "web", "spec": other}))
        .refused("already_exists");
    assert!(
        said.contains("keepalive") && said.contains("persistent"),
        "{said}"
    );
}

#[test]
fn an_unknown_host_key_shows_its_fingerprint_and_the_way_on() {
    let world = World::new();
    world.trust_nobody();
    let agent = world.agent();
    let refused = agent.call("ssh_connect", json!({"id": "web", "spec": world.spec()}));
    let fingerprint = world.sshd.fingerprint();
    assert!(refused.refused("host_key_unknown").contains(&fingerprint));
    assert_eq!(agent.call("ssh_list", json!({})).ok(), json!([]));
    let accepting = world.spec_with(json!({"host_key": fingerprint}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": accepting}))
        .ok();
    let second = agent.call("ssh_connect", json!({"id": "again", "spec": world.spec()}));
    assert_eq!(
        second.ok()["state"],
        "connected",
        "the accepted key is remembered"
    );
    let user = std::fs::read_to_string(world.home().join(".ssh/known_hosts")).expect("known_hosts");
    assert_eq!(user, "", "nothing under ~/.ssh is written");
}

#[test]
fn a_changed_key_is_not_accepted_by_any_argument() {
    let mut world = World::new();
    world.sshd.rotate_host_key();
    let agent = world.agent();
    let spec = world.spec_with(json!({"host_key": "accept-new"}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .refused("host_key_changed");
}

#[test]
fn a_refused_password_is_told_and_leaves_nothing() {
    let world = World::with_sshd(&["PasswordAuthentication yes"]);
    let agent = world.agent();
    let spec = world.spec_with(json!({"auth": {"password": "wrong-canary"}, "persistent": true}));
    let said = agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .refused("auth_failed");
    assert!(!said.contains("wrong-canary"));
    assert_eq!(agent.call("ssh_list", json!({})).ok(), json!([]));
}

#[test]
fn an_agent_named_in_the_spec_is_asked() {
    let world = World::new();
    let keys = KeyAgent::start(&world.home().join("agent"));
    keys.add(&world.key);
    let agent = world.agent();
    let spec = world.spec_with(json!({"auth": {"use_agent": true, "agent_socket": keys.socket()}}));
    assert_eq!(
        agent
            .call("ssh_connect", json!({"id": "web", "spec": spec}))
            .ok()["state"],
        "connected"
    );
}

#[test]
fn the_calling_clients_agent_is_asked() {
    let mut world = World::new();
    let keys = KeyAgent::start(&world.home().join("agent"));
    keys.add(&world.key);
    world.set("SSH_AUTH_SOCK", &keys.socket());
    let spec = world.spec_with(json!({"auth": {"use_agent": true}}));
    assert_eq!(
        world
            .agent()
            .call("ssh_connect", json!({"id": "web", "spec": spec}))
            .ok()["state"],
        "connected"
    );
}

#[test]
fn a_key_with_a_passphrase_opens_with_it_alone() {
    let mut world = World::new();
    let locked = Key::new(&world.home().join("locked"), "open sesame");
    world.sshd.authorize(&[&locked]);
    let agent = world.agent();
    let spec = |phrase: &str| {
        world.spec_with(json!({"auth": {"key_path": locked.path, "key_passphrase": phrase}}))
    };
    assert!(
        agent
            .call("ssh_connect", json!({"id": "web", "spec": spec("wrong")}))
            .is_error()
    );
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": spec("open sesame")}),
        )
        .ok();
}

#[test]
fn the_first_address_that_answers_is_taken() {
    let world = World::new();
    let spec = world.spec_with(json!({"addresses": ["127.0.0.1:1", world.sshd.address()]}));
    let info = world
        .agent()
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    assert_eq!(info["active_address"], world.sshd.address());
}

#[test]
fn a_session_is_cloned_reconnected_listed_and_ended() {
    let world = World::new();
    let agent = world.connected("web");
    agent
        .call("ssh_clone", json!({"source_id": "web", "new_id": "two"}))
        .ok();
    let rows = agent.call("ssh_list", json!({})).ok();
    assert_eq!(rows.as_array().map(Vec::len), Some(2));
    assert_eq!(
        agent.call("ssh_reconnect", json!({"id": "two"})).ok()["state"],
        "connected"
    );
    assert_eq!(
        agent
            .call("ssh_disconnect", json!({"id": "two"}))
            .words()
            .lines()
            .next(),
        Some("disconnected two")
    );
    assert!(
        agent
            .call("ssh_info", json!({"id": "two"}))
            .refused("not_found")
            .contains("web")
    );
}

#[test]
fn what_a_session_says_of_itself() {
    let world = World::new();
    let info = world
        .connected("web")
        .call("ssh_info", json!({"id": "web"}))
        .ok();
    assert_eq!(info["host_key"], world.sshd.fingerprint());
    assert!(
        info["server_version"]
            .as_str()
            .is_some_and(|text| text.contains("OpenSSH")),
        "{info}"
    );
    assert!(
        ["kex", "cipher", "survives"]
            .iter()
            .all(|field| info[*field] != ""),
        "{info}"
    );
}

#[test]
fn a_host_that_is_denied_is_denied_under_every_id() {
    let world = World::new();
    world.configure("[[deny]]\nhost = \"127.0.0.*\"\n");
    let agent = world.agent();
    let call = json!({"id": "innocent", "spec": world.spec()});
    agent.call("ssh_connect", call).refused("denied");
    assert_eq!(agent.call("ssh_list", json!({})).ok(), json!([]));
    let refused = agent.call("history", json!({"tool": "ssh_connect"})).ok();
    assert_eq!(refused[0]["outcome"], "error");
}
