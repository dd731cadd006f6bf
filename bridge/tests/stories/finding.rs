//! A daemon that is there and does not serve, and handles that are not to be
//! trusted.

use std::os::unix::fs::symlink;

use schema::hello::DaemonState;
use schema::{Code, Fault};

use crate::fake::{FUTURE_WIRE, FakeDaemon, write_handle};
use crate::world::{Client, World, request};

fn message(client: &mut Client) -> String {
    client.say(&request(1, "initialize"));
    client.json()["error"]["message"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[test]
fn a_refusing_daemons_reason_answers_every_request() {
    let world = World::new();
    let mut daemon = FakeDaemon::start(world.folder(), "one");
    daemon.hello.state = DaemonState::Refusing;
    daemon.hello.reason = "the database is newer".into();
    let _serving = std::thread::spawn(move || {
        loop {
            drop(daemon.accept_half());
        }
    });
    let mut client = world.client(&[]);
    for _ in 0..2 {
        assert!(message(&mut client).contains("the database is newer"));
    }
}

#[test]
fn two_sides_without_a_common_wire_are_both_named_with_the_way_out() {
    let world = World::new();
    let mut daemon = FakeDaemon::start(world.folder(), "one");
    daemon.hello.wire = FUTURE_WIRE;
    daemon.hello.version = "9.0.0".into();
    let _serving = std::thread::spawn(move || {
        loop {
            drop(daemon.accept_half());
        }
    });
    let said = message(&mut world.client(&[]));
    assert!(
        said.contains("9.0.0") && said.contains("7 to 9") && said.contains("install the newer")
    );
}

#[test]
fn a_refusal_after_the_hello_is_the_answer() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let _serving = std::thread::spawn(move || {
        loop {
            daemon
                .accept()
                .refuse(Fault::new(Code::Unavailable, "not for you"));
        }
    });
    assert!(message(&mut world.client(&[])).contains("not for you"));
}

#[test]
fn a_daemon_that_hangs_is_named_after_five_seconds_and_no_second_is_started() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&["--daemon-binary", "/nonexistent/never"]);
    let held = daemon.accept_silently();
    let said = message(&mut client);
    assert!(said.contains("does not answer within 5 s"), "{said}");
    assert!(
        said.contains(&format!("pid {}", std::process::id())),
        "{said}"
    );
    drop(held);
}

#[test]
fn an_untrusted_handle_is_not_used_and_said() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    write_handle(world.folder(), "one", 0o644);
    let _serving = std::thread::spawn(move || {
        loop {
            drop(daemon.accept_half());
        }
    });
    let said = message(&mut world.client(&[]));
    assert!(
        said.contains("can be opened by others (mode 644)"),
        "{said}"
    );

    let path = world.folder().join("daemon.json");
    std::fs::rename(&path, world.folder().join("other")).unwrap();
    symlink(world.folder().join("other"), &path).unwrap();
    let said = message(&mut world.client(&[]));
    assert!(said.contains("symbolic link"), "{said}");
}

#[test]
fn a_stopped_daemon_stays_down_until_it_is_started_by_a_person() {
    let world = World::new();
    assert!(world.run(&["daemon", "stop"]).status.success());
    let mut client = world.client(&["--daemon-binary", "/nonexistent/never"]);
    assert!(message(&mut client).contains("stopped by `daemon stop`"));
    std::fs::remove_file(world.folder().join("daemon.stopped")).unwrap();
    let daemon = FakeDaemon::start(world.folder(), "one");
    client.say(&request(2, "ping"));
    assert_eq!(daemon.accept().line().unwrap(), request(2, "ping"));
}

#[test]
fn commands_say_what_is_and_what_is_not_there() {
    let world = World::new();
    assert!(world.run(&["version"]).status.success());
    assert_eq!(world.run(&["status"]).status.code(), Some(3));
    assert_eq!(world.run(&["setup"]).status.code(), Some(2));
    assert_eq!(world.run(&["--no-such-flag"]).status.code(), Some(2));
}
