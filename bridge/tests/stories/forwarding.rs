//! Lines go through as they are, and what is no line harms nothing.

use std::time::Duration;

use schema::hello::{Format, Purpose};

use crate::fake::FakeDaemon;
use crate::world::{INITIALIZED, World, call, request, result};

#[test]
fn lines_pass_both_ways_and_the_hello_says_who_calls() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&["-format", "json", "--toolsets", "core,ssh"]);
    let mut conn = daemon.accept();
    assert_eq!(conn.hello.token.expose(), "token of one");
    assert_eq!(conn.hello.purpose, Purpose::Mcp);
    assert_eq!(conn.hello.client.format, Some(Format::Json));
    assert_eq!(conn.hello.client.toolsets, ["core", "ssh"]);
    let odd = r#" {"method":"tools/list",  "id":"x","jsonrpc":"2.0"}"#;
    client.say(odd);
    assert_eq!(conn.line().unwrap(), odd);
    conn.say(r#"{"result":{}, "id":"x", "jsonrpc":"2.0"}"#);
    assert_eq!(client.line(), r#"{"result":{}, "id":"x", "jsonrpc":"2.0"}"#);
}

#[test]
fn a_malformed_and_a_huge_line_are_answered_and_the_next_one_works() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let mut conn = daemon.accept();
    client.say("{oops");
    assert_eq!(client.json()["error"]["code"], -32700);
    client.raw(br#"{"jsonrpc":"2.0","method":"tools/call","params":{"x":""#);
    for _ in 0..20 {
        client.raw(&vec![b'a'; 1 << 20]);
    }
    client.say(r#""},"id":77}"#);
    let huge = client.json();
    assert_eq!(
        (&huge["id"], &huge["error"]["data"]["code"]),
        (&77.into(), &"too_large".into())
    );
    client.say(&request(1, "ping"));
    assert_eq!(conn.line().unwrap(), request(1, "ping"));
}

#[test]
fn a_line_of_fifteen_mebibytes_passes_both_ways() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let mut conn = daemon.accept();
    let text = "a".repeat(15 << 20);
    let line = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":"{text}"}}"#);
    client.say(&line);
    assert!(conn.line().unwrap() == line);
    let answer = format!(r#"{{"jsonrpc":"2.0","id":1,"result":"{text}"}}"#);
    conn.say(&answer);
    assert!(client.line() == answer);
}

#[test]
fn the_129th_open_call_is_answered_busy() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let mut conn = daemon.accept();
    for id in 0..=128 {
        client.say(&call(id, "ssh_exec"));
    }
    let busy = client.json();
    assert_eq!(busy["id"], 128);
    assert_eq!(busy["result"]["structuredContent"]["code"], "busy");
    conn.say(&result(0));
    assert_eq!(client.line(), result(0));
}

#[test]
fn a_client_that_closes_has_its_last_line_served_and_the_bridge_is_gone_in_a_second() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let conn = daemon.accept();
    let serving = std::thread::spawn(|| conn.echo());
    client.say(INITIALIZED);
    client.raw(request(1, "ping").as_bytes());
    drop(client.stdin.take());
    assert_eq!(client.json()["result"]["echo"], "ping");
    assert!(client.ended().0.success());
    serving.join().unwrap();
}

#[test]
fn a_hanging_call_does_not_keep_the_bridge_of_a_client_that_is_gone() {
    let world = World::new();
    let daemon = FakeDaemon::start(world.folder(), "one");
    let mut client = world.client(&[]);
    let mut conn = daemon.accept();
    client.say(&call(1, "ssh_exec"));
    assert!(conn.line().is_some());
    client.raw(b"{\"jsonrpc\":\"2.0\",\"id\":2,\"meth");
    drop(client.stdin.take());
    let (status, took) = client.ended();
    assert!(
        status.success() && took < Duration::from_secs(1),
        "{took:?}"
    );
    assert_eq!(conn.line(), None, "the daemon sees the bridge go");
}
