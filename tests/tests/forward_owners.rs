//! A forward belongs to one session: it is there no earlier, and no longer.

use std::net::TcpListener;
use std::time::Duration;

use serde_json::{Value, json};
use tests::services::{connect, echo, free_port};
use tests::until::{SOON, until_true};
use tests::{Agent, World};

fn local(port: u16) -> Value {
    json!({"session_id": "web", "forward_id": "f", "bind_port": port,
        "remote_host": "127.0.0.1", "remote_port": echo()})
}

fn forward_ids(agent: &Agent) -> Vec<String> {
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    let rows = rows.as_array().expect("rows").clone();
    rows.iter()
        .map(|row| row["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Waits until a call of `tool` runs.
fn until_it_runs(agent: &Agent, tool: &str) {
    until_true("it runs", SOON, || {
        let call = json!({"tool": tool, "outcome": "running"});
        agent.call("history", call).ok() != json!([])
    });
}

#[test]
fn a_forward_on_a_session_that_never_came_up_is_none() {
    let world = World::new();
    let agent = world.agent();
    // It takes the connection and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = mute.local_addr().expect("its address").to_string();
    let spec = world.spec_with(json!({"addresses": [address], "persistent": true}));
    let connecting = agent.begin("ssh_connect", json!({"id": "web", "spec": spec}));
    let dialled = mute.accept().expect("it is dialled");
    let port = free_port();
    let opening = agent.begin("ssh_forward_local", local(port));
    until_it_runs(&agent, "ssh_forward_local");
    drop((dialled, mute));
    assert!(connecting.reply().is_error());
    let fault = opening.reply().refused("not_connected");
    assert!(fault.contains("did not come up"), "{fault}");
    // Nothing is left for who has the name next.
    let call = json!({"id": "web", "spec": world.persistent()});
    agent.call("ssh_connect", call).ok();
    assert!(forward_ids(&agent).is_empty());
    drop(TcpListener::bind(("127.0.0.1", port)).expect("its port is free"));
    world.daemon().kill();
    drop(agent);
    assert!(forward_ids(&world.agent()).is_empty());
}

#[test]
fn a_cancelled_forward_does_not_open_later() {
    let mut world = World::new();
    let agent = world.agent();
    let spec = world.spec_with(json!({"auto_reconnect": true}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    world.sshd.kill();
    let state = || agent.call("ssh_info", json!({"id": "web"})).ok()["state"].clone();
    until_true("it is seen", SOON, || state() == "reconnecting");
    let remote = |id: &str| {
        json!({"session_id": "web", "forward_id": id, "bind_port": 0,
            "local_port": 1})
    };
    let opening = agent.begin("ssh_forward_remote", remote("f"));
    until_it_runs(&agent, "ssh_forward_remote");
    agent.cancel(&opening);
    until_true("it is cancelled", SOON, || {
        let call = json!({"tool": "ssh_forward_remote", "outcome": "running"});
        agent.call("history", call).ok() == json!([])
    });
    world.sshd.up();
    until_true("it is back", Duration::from_secs(45), || {
        state() == "connected"
    });
    // This one waits for the same link, and asks later.
    agent.call("ssh_forward_remote", remote("g")).ok();
    assert_eq!(forward_ids(&agent), ["g"]);
}

#[test]
fn a_forward_is_cancelled_in_the_words_that_were_promised() {
    let world = World::new();
    let agent = world.connected("web");
    let call = json!({"session_id": "web", "forward_id": "f"});
    let cancelled = || agent.call("ssh_forward_cancel", call.clone()).words();
    agent.call("ssh_forward_local", local(0)).ok();
    assert_eq!(cancelled(), "cancelled f");
    let info = agent.call("ssh_forward_local", local(0)).ok();
    assert_eq!(info["note"], "");
    let port = u16::try_from(info["bind_port"].as_u64().expect("a port")).expect("a port");
    let open = connect(port);
    until_true("it is carried", SOON, || {
        agent.call("ssh_forwards_list", json!({})).ok()[0]["open"] == 1
    });
    assert_eq!(cancelled(), "cancelled f and its connection");
    drop(open);
}
