//! FAULTS 25, 26, 29 and 30: hosts that die, freeze, change their key or shut
//! the door.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::{SOON, pause, until, until_true};
use tests::{Agent, Key, KeyAgent, World};

fn state(agent: &Agent) -> String {
    info(agent)["state"].as_str().unwrap_or_default().to_owned()
}

fn info(agent: &Agent) -> Value {
    agent.call("ssh_info", json!({"id": "web"})).ok()
}

fn opened(world: &World, more: Value) -> Agent {
    let agent = world.agent();
    agent
        .call(
            "ssh_connect",
            json!({"id": "web", "spec": world.spec_with(more)}),
        )
        .ok();
    agent
}

#[test]
fn a_dead_server_is_seen_within_a_second_and_dialled_again() {
    let mut world = World::new();
    let agent = opened(&world, json!({"auto_reconnect": true}));
    world.sshd.kill();
    until_true("the drop is seen", Duration::from_secs(2), || {
        state(&agent) == "reconnecting"
    });
    world.sshd.up();
    until_true("it is back", Duration::from_secs(30), || {
        state(&agent) == "connected"
    });
}

#[test]
fn a_command_cut_off_by_its_server_is_not_run_again() {
    let world = World::new();
    let agent = opened(&world, json!({"auto_reconnect": true}));
    let line = format!("echo once >> {}; sleep 30", world.remote("log").display());
    let pending = agent.begin("ssh_exec", json!({"session_id": "web", "command": line}));
    until_true("it runs", SOON, || !world.remote_lines("log").is_empty());
    world.sshd.drop_connections();
    pending
        .within(SOON)
        .expect("an answer")
        .refused("outcome_unknown");
    until_true("the session is back", SOON, || state(&agent) == "connected");
    assert_eq!(world.remote_lines("log"), ["once"]);
}

#[test]
fn the_next_call_dials_a_dropped_session() {
    let world = World::new();
    let agent = opened(&world, json!({}));
    world.sshd.drop_connections();
    // What is sent into a link that has just died has an unknown outcome.
    until_true("the daemon has seen it", SOON, || {
        state(&agent) != "connected"
    });
    let result = agent
        .call(
            "ssh_exec",
            json!({"session_id": "web", "command": "echo again"}),
        )
        .ok();
    assert_eq!(result["stdout"], "again\n");
}

#[test]
fn an_idle_server_that_froze_is_seen_within_three_keepalives() {
    let world = World::new();
    let agent = opened(&world, json!({"keepalive": "1s", "auto_reconnect": true}));
    world.sshd.freeze();
    let start = Instant::now();
    until_true("the freeze is seen", Duration::from_secs(6), || {
        state(&agent) != "connected"
    });
    println!("seen after {:?}", start.elapsed());
    world.sshd.thaw();
}

#[test]
fn a_server_that_froze_in_the_middle_of_a_write_is_seen() {
    let world = World::new();
    let agent = opened(&world, json!({"keepalive": "1s"}));
    // More than every buffer on the way holds, so that the write stands still.
    let text = "x".repeat(8 << 20);
    let line = format!("echo up > {}; sleep 1; cat", world.remote("log").display());
    let call = json!({"session_id": "web", "command": line, "stdin": text});
    let pending = agent.begin("ssh_exec", call);
    until_true("it runs", SOON, || !world.remote_lines("log").is_empty());
    world.sshd.freeze();
    let reply = pending.within(Duration::from_secs(20)).expect("an answer");
    world.sshd.thaw();
    assert!(reply.is_error(), "{reply:?}");
}

#[test]
fn a_command_for_a_host_that_fell_silent_waits_for_a_link_that_lives() {
    let world = World::new();
    let agent = opened(&world, json!({"keepalive": "3s"}));
    let line = format!("echo once >> {}", world.remote("log").display());
    let call = json!({"session_id": "web", "command": line});
    // Afterwards a channel stands ready.
    agent.call("ssh_exec", call.clone()).ok();
    world.sshd.freeze();
    // One keepalive is unanswered, and the link is not given up yet.
    pause(Duration::from_secs(5));
    assert_eq!(state(&agent), "connected");
    let pending = agent.begin("ssh_exec", call);
    pause(Duration::from_secs(1));
    world.sshd.drop_connections();
    world.sshd.thaw();
    pending.within(SOON).expect("an answer").ok();
    assert_eq!(world.remote_lines("log"), ["once", "once"]);
}

#[test]
fn a_changed_host_key_stops_everything() {
    let mut world = World::new();
    let agent = opened(&world, json!({"auto_reconnect": true, "persistent": true}));
    world.sshd.rotate_host_key();
    until_true("it is loud", Duration::from_secs(30), || {
        state(&agent) == "host_key_changed"
    });
    let said = agent.call("ssh_exec", json!({"session_id": "web", "command": "true"}));
    assert!(said.refused("host_key_changed").contains("ssh-keygen -R"));
    let dials = world.sshd.log().matches("Connection from").count();
    pause(Duration::from_secs(3));
    assert_eq!(
        world.sshd.log().matches("Connection from").count(),
        dials,
        "it tried again"
    );
}

#[test]
fn a_refused_key_is_tried_once_and_then_a_person_is_asked() {
    let mut world = World::new();
    let agent = opened(&world, json!({"persistent": true, "auto_reconnect": true}));
    let other = Key::new(&world.home().join("other"), "");
    world.sshd.authorize(&[&other]);
    world.sshd.drop_connections();
    until("needs_auth", Duration::from_secs(20), || {
        (state(&agent) == "needs_auth").then_some(())
    });
    let tries = world.sshd.log().matches("Connection from").count();
    pause(Duration::from_secs(3));
    assert_eq!(
        world.sshd.log().matches("Connection from").count(),
        tries,
        "it tried again"
    );
}

#[test]
fn a_server_that_cuts_off_after_too_many_tries_is_not_tried_again() {
    let mut world = World::with_sshd(&["MaxAuthTries 2"]);
    let keys = KeyAgent::start(&world.home().join("agent"));
    keys.add(&world.key);
    let auth = json!({"use_agent": true, "agent_socket": keys.socket()});
    let agent = opened(&world, json!({"auto_reconnect": true, "auth": auth}));
    for name in ["one", "two", "three"] {
        keys.add(&Key::new(&world.home().join(name), ""));
    }
    world.sshd.authorize(&[]);
    world.sshd.drop_connections();
    until_true("a person is asked", SOON, || state(&agent) == "needs_auth");
    let tries = world.sshd.log().matches("Connection from").count();
    let call = json!({"session_id": "web", "command": "true"});
    agent.call("ssh_exec", call).refused("auth_failed");
    pause(Duration::from_secs(2));
    let later = world.sshd.log().matches("Connection from").count();
    assert_eq!(later, tries, "it tried again");
}

#[test]
fn a_host_that_falls_silent_in_the_handshake_leaves_nothing_open() {
    let world = World::new();
    let agent = world.agent();
    let host = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = host.local_addr().expect("its address").to_string();
    // Says who it is, and then nothing more.
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in host.incoming() {
            let mut stream = stream.expect("a connection");
            std::io::Write::write_all(&mut stream, b"SSH-2.0-silent\r\n").expect("a banner");
            kept.push(stream);
        }
    });
    let files = || {
        let folder = format!("/proc/{}/fd", world.daemon().pid());
        std::fs::read_dir(folder).expect("its files").count()
    };
    let before = files();
    let spec = world.spec_with(json!({"addresses": [address], "timeout": "1s"}));
    for _ in 0..3 {
        let call = json!({"id": "silent", "spec": spec});
        agent.call("ssh_connect", call).refused("timeout");
    }
    until_true("its sockets are closed", SOON, || files() <= before);
}
