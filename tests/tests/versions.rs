//! FAULTS 18: bridges and daemons of other versions. There is no older release
//! to keep, so the other side is spoken by hand, as an older or newer one
//! would speak it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use serde_json::{Value, json};
use tests::{Agent, Era, World};

/// A line of the other side.
fn line(reader: &mut impl BufRead) -> Value {
    let mut text = String::new();
    reader.read_line(&mut text).expect("a line");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text:?}"))
}

/// What the daemon answers to a bridge that speaks these wire versions.
fn greeted(world: &World, wire: Value) -> Value {
    let handle = world.daemon().handle().clone();
    let stream = UnixStream::connect(&handle.socket).expect("the daemon's socket");
    let mut reader = BufReader::new(stream.try_clone().expect("its other end"));
    let hello = line(&mut reader);
    assert_eq!(hello["instance"], handle.instance.as_str());
    let ours = json!({
        "wire": wire,
        "version": "9.9.9",
        "token": handle.token.expose(),
        "purpose": "mcp",
        "a_field_of_tomorrow": {"x": [1]},
        "client": {"cwd": "/", "a_field_of_tomorrow": true},
    });
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"});
    let mut writer = stream;
    // A daemon that refuses closes, perhaps before the second line.
    let _closed = writeln!(writer, "{ours}\n{list}").is_err();
    line(&mut reader)
}

#[test]
fn a_newer_bridge_is_served_on_the_common_wire_or_told_what_to_do() {
    let world = World::new();
    drop(world.agent());
    let answer = greeted(&world, json!({"min": 1, "max": 99, "tomorrow": 1}));
    assert_eq!(answer["id"], 1, "{answer}");
    assert!(answer.get("error").is_none(), "{answer}");
    let refused = greeted(&world, json!({"min": 50, "max": 99}));
    let words = refused.to_string();
    assert!(words.contains("50") && words.contains("restart"), "{words}");
    assert!(!world.agent().call("ssh_list", json!({})).is_error());
}

/// What a client hears whose bridge meets a daemon with this hello.
fn heard(hello: Value) -> String {
    let world = World::new();
    drop(world.agent());
    let old = world.daemon();
    old.kill();
    let handle = old.handle();
    std::fs::remove_file(&handle.socket).ok();
    let listener = UnixListener::bind(&handle.socket).expect("the socket");
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&handle.socket, mode).expect("the socket's mode");
    let mut said = hello;
    said["instance"] = json!(handle.instance);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a bridge");
            let mut reader = BufReader::new(stream.try_clone().expect("its other end"));
            // A bridge that will not talk to us closes.
            if writeln!(stream, "{said}").is_err() {
                continue;
            }
            let mut text = String::new();
            while reader.read_line(&mut text).is_ok_and(|count| count > 0) {
                let request: Value = serde_json::from_str(&text).unwrap_or_default();
                text.clear();
                if request["method"] == "initialize" {
                    let result = json!({"protocolVersion": "2025-06-18", "capabilities": {},
                        "serverInfo": {"name": "tomorrow", "version": "9.9.9"}});
                    let answer = json!({"jsonrpc": "2.0", "id": request["id"], "result": result});
                    let _gone = writeln!(stream, "{answer}").is_err();
                }
            }
        }
    });
    let agent = Agent::silent(world.bridge(), Era::Handshake);
    let reply = agent.initialize().reply();
    reply.raw().to_string() + &agent.stderr()
}

#[test]
fn a_newer_daemon_is_spoken_to_on_the_common_wire_or_named() {
    let newer = json!({"wire": {"min": 1, "max": 99}, "version": "9.9.9", "pid": 1,
        "state": "ready", "a_field_of_tomorrow": [1]});
    let served = heard(newer);
    assert!(served.contains("tomorrow"), "{served}");
    let beyond = json!({"wire": {"min": 50, "max": 99}, "version": "9.9.9", "pid": 1,
        "state": "ready"});
    let refused = heard(beyond);
    assert!(
        refused.contains("9.9.9") && refused.contains("50"),
        "{refused}"
    );
}
