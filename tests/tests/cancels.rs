//! Calls that are cancelled, in time, too late, or under another's id; and ids
//! that come again.

use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, until_true};
use tests::{Agent, Era, Gate, Http, World};

fn latest(agent: &Agent) -> Value {
    agent.call("history", json!({"tool": "ssh_exec"})).ok()[0].clone()
}

#[test]
fn a_cancelled_call_ends_on_the_host_and_gets_no_answer() {
    let world = World::new();
    let gate = Gate::new(&world);
    for era in [Era::Handshake, Era::Stateless] {
        let agent = Agent::start(world.bridge(), era);
        agent
            .call("ssh_connect", json!({"id": "web", "spec": world.spec()}))
            .ok();
        let pending = agent.begin("ssh_exec", gate.call());
        gate.until_it_holds();
        agent.cancel(&pending);
        gate.until_it_is_left();
        until_true("it is on record", SOON, || {
            latest(&agent)["outcome"] == "interrupted"
        });
        assert_eq!(pending.answers(), 0, "{era:?}");
    }
}

#[test]
fn a_late_or_unknown_cancel_is_ignored_and_an_id_is_free_after_its_answer() {
    let world = World::new();
    let agent = world.connected("web");
    let call = |id: &Value, command: &str| {
        let arguments = json!({"session_id": "web", "command": command});
        json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": {"name": "ssh_exec", "arguments": arguments}})
    };
    for id in [json!(70), json!("70"), json!("a b")] {
        let pending = agent.pending(&id);
        for round in 1..=3 {
            agent.line(&call(&id, "true").to_string());
            until_true("it is answered", SOON, || pending.answers() == round);
            agent.cancel(&pending);
        }
        assert_eq!(pending.reply().ok()["exit_code"], 0);
    }
    agent.cancel(&agent.pending(&json!("never asked")));
    // A number and a string are two ids, also in one batch.
    let batch = json!([call(&json!(71), "echo a"), call(&json!("71"), "echo b")]);
    agent.line(&batch.to_string());
    for (id, said) in [(json!(71), "a\n"), (json!("71"), "b\n")] {
        let pending = agent.pending(&id);
        assert_eq!(pending.reply().ok()["stdout"], said);
        assert_eq!(pending.answers(), 1);
    }
}

#[test]
fn a_call_under_a_cancelled_ones_id_gets_its_own_answer() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = world.connected("web");
    let call = |arguments: Value| {
        let request = json!({"jsonrpc": "2.0", "id": "again", "method": "tools/call",
            "params": {"name": "ssh_exec", "arguments": arguments}});
        agent.line(&request.to_string());
    };
    let jobs = || agent.call("job_list", json!({})).ok();
    let pending = agent.pending(&json!("again"));
    // It takes no notice of TERM, so it ends some seconds later.
    let stubborn = "trap '' TERM; echo trapped; while :; do sleep 0.1; done";
    call(json!({"session_id": "web", "command": stubborn}));
    until_true("it is trapped", SOON, || jobs()[0]["stdout_bytes"] == 8);
    agent.cancel(&pending);
    let mut refused = 0;
    until_true("the id is free again", SOON, || {
        call(gate.call());
        let answered = || pending.answers() > refused;
        until_true("refused or begun", SOON, || answered() || gate.holds());
        refused = pending.answers();
        gate.holds()
    });
    // Not before the first has ended, whose answer must not be taken for it.
    until_true("the first has ended", SOON, || {
        let mut rows = jobs().as_array().cloned().unwrap_or_default().into_iter();
        rows.all(|row| row["state"] == "cancelled" || row["stdout_bytes"] == 6)
    });
    gate.open();
    until_true("it is answered", SOON, || pending.answers() > refused);
    let answer = pending.latest().expect("an answer");
    assert_eq!(answer.ok()["stdout"], "begun\ndone\n");
}

#[test]
fn over_http_a_cancel_is_for_a_request_of_the_same_session() {
    let world = World::new();
    let gate = Gate::new(&world);
    let agent = world.connected("web");
    let client = Http::mcp(world.daemon(), Era::Handshake);
    let other = Http::mcp(world.daemon(), Era::Handshake);
    let nobody = Http::mcp(world.daemon(), Era::Handshake).without_session();
    let newer = Http::mcp(world.daemon(), Era::Stateless);
    let id = json!("long");
    let call = client.begin(&id, "ssh_exec", gate.call(), json!({}));
    gate.until_it_holds();
    for stranger in [&other, &nobody, &newer] {
        assert!(stranger.cancel(&id).head().contains(" 202 "));
    }
    assert!(client.cancel(&json!("longer")).head().contains(" 202 "));
    assert!(!call.ended(Duration::from_secs(1)) && gate.holds());
    assert!(client.cancel(&id).head().contains(" 202 "));
    assert!(call.ended(SOON) && call.within(Duration::ZERO).is_none());
    gate.until_it_is_left();
    until_true("it is on record", SOON, || {
        latest(&agent)["outcome"] == "interrupted"
    });
    // Nothing is left of it: a late cancel is for nobody, and the id is free.
    client.cancel(&id).head();
    let call = json!({"session_id": "web", "command": "true"});
    let again = client.begin(&id, "ssh_exec", call, json!({}));
    assert_eq!(again.reply().ok()["exit_code"], 0);
}
