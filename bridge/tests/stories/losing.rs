//! The daemon goes away in the middle, and a new one comes.

use crate::fake::FakeDaemon;
use crate::world::{INITIALIZED, World, call, request, result};

#[test]
fn a_new_daemon_gets_the_handshake_and_what_can_be_repeated_and_the_rest_is_told() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&["--no-spawn"]);
    let mut conn = daemon.accept();
    client.say(&request(0, "initialize"));
    assert_eq!(conn.line().unwrap(), request(0, "initialize"));
    conn.say(&result(0));
    assert_eq!(client.line(), result(0));
    for line in [INITIALIZED, &call(1, "ssh_exec"), &call(2, "ssh_list")] {
        client.say(line);
        assert_eq!(conn.line().unwrap(), line);
    }

    let next = {
        drop(daemon);
        let next = FakeDaemon::start(world.folder(), "two");
        drop(conn);
        next
    };
    let unknown = client.json();
    assert_eq!(unknown["id"], 1);
    assert_eq!(unknown["result"]["isError"], true);
    assert_eq!(
        unknown["result"]["structuredContent"]["code"],
        "outcome_unknown"
    );

    let mut conn = next.accept();
    assert_eq!(conn.hello.token.expose(), "token of two");
    assert_eq!(conn.line().unwrap(), request(0, "initialize"));
    client.say(&call(3, "ssh_exec"));
    conn.say(&result(0));
    assert_eq!(conn.line().unwrap(), INITIALIZED);
    assert_eq!(conn.line().unwrap(), call(2, "ssh_list"));
    assert_eq!(conn.line().unwrap(), call(3, "ssh_exec"));
    conn.say(&result(3));
    assert_eq!(
        client.line(),
        result(3),
        "the repeated handshake's answer is swallowed"
    );
}

#[test]
fn in_the_newer_era_there_is_no_handshake_to_repeat() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let mut conn = daemon.accept();
    client.say(&request(1, "server/discover"));
    assert!(conn.line().is_some());
    let next = FakeDaemon::start(world.folder(), "two");
    drop((daemon, conn));
    let mut conn = next.accept();
    assert_eq!(conn.line().unwrap(), request(1, "server/discover"));
}
