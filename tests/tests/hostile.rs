//! FAULTS 39: lines that no client should send.

use serde_json::json;
use tests::until::SOON;
use tests::{Agent, World};

fn still_serves(agent: &Agent) {
    assert!(!agent.call("ssh_list", json!({})).is_error());
}

#[test]
fn a_line_that_is_no_json_leaves_the_connection_alone() {
    let world = World::new();
    let agent = world.agent();
    for line in [
        "",
        "{",
        "nonsense",
        "[1,2",
        "\"text\"",
        "42",
        "{\"jsonrpc\":\"2.0\"}",
        "\u{0}",
    ] {
        assert!(agent.line(line));
    }
    still_serves(&agent);
}

#[test]
fn json_a_hundred_thousand_deep_is_an_error() {
    let world = World::new();
    let agent = world.agent();
    agent.line(&("[".repeat(100_000) + &"]".repeat(100_000)));
    let deep = "{\"a\":".repeat(50_000) + "1" + &"}".repeat(50_000);
    agent.line(&format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":\"deep\",\"method\":\"tools/call\",\"params\":{deep}}}"
    ));
    still_serves(&agent);
}

#[test]
fn a_line_over_the_limit_is_answered_and_survived() {
    let world = World::new();
    let agent = world.agent();
    let long = "x".repeat(17 << 20);
    let line = json!({"jsonrpc": "2.0", "id": "long", "method": "tools/call",
        "params": {"name": "ssh_exec", "arguments": {"session_id": "s", "command": long}}});
    agent.line(&line.to_string());
    still_serves(&agent);
    let reply = agent.pending(&json!("long")).within(SOON);
    assert!(reply.is_none_or(|reply| reply.is_error()));
}

#[test]
fn a_line_of_a_gibibyte_costs_neither_memory_nor_the_connection() {
    let world = World::new();
    let agent = world.agent();
    still_serves(&agent);
    let before = (agent.rss_kib(), world.daemon().rss_kib());
    let piece = "x".repeat(1 << 20);
    let begin = r#"{"jsonrpc":"2.0","id":"huge","method":"tools/call","params":{"a":""#;
    assert!(agent.text(begin));
    for _ in 0..1024 {
        assert!(agent.text(&piece), "the bridge gave up");
    }
    assert!(agent.line("\"}}"));
    still_serves(&agent);
    let after = (agent.rss_kib(), world.daemon().rss_kib());
    let limit = 64 << 10;
    assert!(after.0 < before.0 + limit, "bridge: {before:?} {after:?}");
    assert!(after.1 < before.1 + limit, "daemon: {before:?} {after:?}");
    let reply = agent.pending(&json!("huge")).within(SOON);
    assert!(reply.is_none_or(|reply| reply.is_error()));
}

#[test]
fn unknown_arguments_are_refused_with_the_nearest_name() {
    let world = World::new();
    let agent = world.connected("web");
    let call = json!({"session_id": "web", "comand": "true"});
    assert!(
        agent
            .call("ssh_exec", call)
            .refused("invalid_argument")
            .contains("command")
    );
}

#[test]
fn an_unknown_tool_is_an_error_and_no_more() {
    let world = World::new();
    let agent = world.agent();
    assert!(agent.call("no_such_tool", json!({})).is_error());
    still_serves(&agent);
}
