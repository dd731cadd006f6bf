//! Two clients at once: each with its own agent (FAULTS 43), both first at an
//! unknown host (FAULTS 44), and a session that waits for an agent.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, Key, KeyAgent, World};

/// An agent with a key that the server takes.
fn keys(world: &World, name: &str) -> (KeyAgent, Key) {
    let agent = KeyAgent::start(&world.home().join(format!("{name}.agent")));
    let key = Key::new(&world.home().join(name), "");
    agent.add(&key);
    (agent, key)
}

fn by_agent(world: &World) -> Value {
    world.spec_with(json!({"auth": {"use_agent": true}}))
}

/// The fingerprint of the key that the session `id` got in with, from the
/// server's log.
fn used(world: &World, client: &Agent, id: &str) -> String {
    let call = json!({"session_id": id, "command": "set -- $SSH_CONNECTION; echo port $2"});
    let said = client.call("ssh_exec", call).words();
    let at = said.split_once("port ").expect("a port").1;
    let port: String = at.chars().take_while(char::is_ascii_digit).collect();
    let log = world.sshd.log();
    let line = log
        .lines()
        .find(|line| line.contains("Accepted publickey") && line.contains(&format!("port {port} ")))
        .expect("the log has it");
    line.split_whitespace().last().expect("a key").to_owned()
}

#[test]
fn each_of_two_clients_gets_in_with_its_own_agent() {
    let mut world = World::new();
    let (first_agent, first_key) = keys(&world, "first");
    let (second_agent, second_key) = keys(&world, "second");
    world.sshd.authorize(&[&first_key, &second_key]);
    world.set("SSH_AUTH_SOCK", &first_agent.socket());
    let first = world.agent();
    world.set("SSH_AUTH_SOCK", &second_agent.socket());
    let second = world.agent();
    for round in 0..3 {
        let ids = [format!("first{round}"), format!("second{round}")];
        let [one, other] = [(&first, &ids[0]), (&second, &ids[1])].map(|(client, id)| {
            client.begin("ssh_connect", json!({"id": id, "spec": by_agent(&world)}))
        });
        one.reply().ok();
        other.reply().ok();
        assert_eq!(used(&world, &first, &ids[0]), first_key.fingerprint());
        assert_eq!(used(&world, &second, &ids[1]), second_key.fingerprint());
        // It is the session's own also when the other client dials it anew.
        world.sshd.drop_connections();
        // What is sent into a link that has just died has an unknown outcome.
        until_true("the daemon has seen it", SOON, || {
            let info = second.call("ssh_info", json!({"id": ids[0]})).ok();
            info["state"] != "connected"
        });
        assert_eq!(used(&world, &second, &ids[0]), first_key.fingerprint());
    }
}

#[test]
fn two_first_connects_at_once_leave_one_whole_line() {
    let world = World::new();
    world.trust_nobody();
    let clients = [world.agent(), world.agent()];
    let spec = world.spec_with(json!({"host_key": "accept-new"}));
    let begun: Vec<_> = (0..8)
        .map(|number| {
            let call = json!({"id": format!("s{number}"), "spec": spec});
            clients[number % 2].begin("ssh_connect", call)
        })
        .collect();
    for call in begun {
        assert_eq!(call.reply().ok()["state"], "connected");
    }
    let path = world.place().known_hosts;
    let text = std::fs::read_to_string(&path).expect("our own known_hosts");
    let key = world.sshd.host_key();
    assert!(
        text.starts_with(&format!("{} {key} ", world.sshd.known_as())),
        "{text}"
    );
    assert_eq!(text.lines().count(), 1, "{text}");
    let mode = std::fs::metadata(&path)
        .expect("its mode")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn without_an_agent_a_session_says_so_and_comes_up_when_one_is_there() {
    let mut world = World::new();
    let (agent, key) = keys(&world, "mine");
    world.sshd.authorize(&[&key]);
    world.set("SSH_AUTH_SOCK", &agent.socket());
    let client = world.agent();
    let spec = world.spec_with(json!({
        "auth": {"use_agent": true}, "persistent": true, "auto_reconnect": true,
    }));
    client
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    drop(agent);
    world.sshd.drop_connections();
    let info = || client.call("ssh_info", json!({"id": "web"})).ok();
    until_true("it waits for an agent", SOON, || {
        let info = info();
        info["state"] == "reconnecting" && info["last_error"].to_string().contains("no agent")
    });
    let later = KeyAgent::start(&world.home().join("later.agent"));
    later.add(&key);
    world.set("SSH_AUTH_SOCK", &later.socket());
    let other = world.agent();
    other.call("ssh_list", json!({})).ok();
    until_true("the new agent brings it up", SOON, || {
        info()["state"] == "connected"
    });
}
