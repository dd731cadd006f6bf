//! FAULTS 1: kill -9 at any moment loses nothing that was acknowledged.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::pause;
use tests::{Agent, World};

/// Kills; fewer when `KILL_ROUNDS` says so.
const ROUNDS: usize = 150;

/// A store is open within this.
const OPEN_MAX: Duration = Duration::from_secs(1);

#[test]
fn no_acknowledged_session_is_lost_in_150_kills() {
    let world = World::new();
    let agent = world.agent();
    let rounds =
        std::env::var("KILL_ROUNDS").map_or(ROUNDS, |text| text.parse().expect("a number"));
    let mut kept: Vec<String> = Vec::new();
    let mut worst = Duration::ZERO;
    for round in 0..rounds {
        let (known, open) = sessions(&agent);
        worst = worst.max(open);
        assert!(
            kept.iter().all(|id| known.contains(id)),
            "round {round}: {kept:?} in {known:?}"
        );
        // Few at a time: what stays is re-dialled at every start.
        for id in kept.split_off(kept.len().min(4)) {
            agent.call("ssh_disconnect", json!({"id": id})).words();
        }
        kept.extend(burst(&world, &agent, round));
    }
    println!("{rounds} kills, nothing lost, worst time to the first list {worst:?}");
    assert!(worst < OPEN_MAX + Duration::from_secs(4), "{worst:?}");
}

/// Starts connects, kills the daemon among them; the acknowledged ones.
fn burst(world: &World, agent: &Agent, round: usize) -> Vec<String> {
    let daemon = world.daemon();
    let call =
        |id: &String| agent.begin("ssh_connect", json!({"id": id, "spec": world.persistent()}));
    let ids: Vec<String> = (0..3).map(|index| format!("r{round}-{index}")).collect();
    let pending: Vec<_> = ids.iter().map(call).collect();
    pause(Duration::from_millis((round as u64 * 37) % 120));
    daemon.kill();
    ids.into_iter()
        .zip(pending)
        .filter(|(_, one)| !one.reply().is_error())
        .map(|(id, _)| id)
        .collect()
}

fn sessions(agent: &Agent) -> (Vec<String>, Duration) {
    let start = Instant::now();
    let rows = agent.call("ssh_list", json!({})).ok();
    let ids = rows
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|row: &Value| row["id"].as_str());
    (ids.map(str::to_owned).collect(), start.elapsed())
}
