//! SECURITY 10: what a server opens unasked is refused, kind by kind, and the
//! session lives on.

use serde_json::{Value, json};
use tests::World;
use tests::rogue::{CHANNELS, PASSWORD, Rogue};

#[test]
fn every_channel_that_a_server_opens_unasked_is_refused() {
    let world = World::new();
    let rogue = Rogue::start();
    let agent = world.agent();
    agent
        .call("ssh_connect", json!({"id": "r", "spec": spec(&rogue)}))
        .ok();
    for kind in CHANNELS {
        let done = agent
            .call("ssh_exec", json!({"session_id": "r", "command": kind}))
            .ok();
        assert_eq!(done["stdout"], "prohibited", "{kind}: {done}");
    }
    let rows = agent.call("ssh_list", json!({})).ok();
    assert_eq!(rows[0]["state"], "connected");
    assert_eq!(rows[0]["reconnects"].as_u64().unwrap_or(0), 0);
}

fn spec(rogue: &Rogue) -> Value {
    json!({
        "user": "story",
        "addresses": [rogue.address()],
        "auth": {"password": PASSWORD},
        "host_key": rogue.fingerprint(),
        "disable_ssh_config": true,
    })
}
