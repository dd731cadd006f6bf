//! FAULTS 10: a hundred bridges at once make one daemon.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, Era, World};

/// Bridges that start at once.
const BRIDGES: usize = 100;

#[test]
fn a_hundred_bridges_at_once_make_one_daemon() {
    let world = World::new();
    let limit = std::env::var("BRIDGES_LIMIT_S").map_or(3, |text| text.parse().expect("seconds"));
    let start = Instant::now();
    let agents: Vec<Agent> = (0..BRIDGES)
        .map(|_| Agent::silent(world.bridge(), Era::Handshake))
        .collect();
    let hellos: Vec<_> = agents.iter().map(Agent::initialize).collect();
    let mut worst = Duration::ZERO;
    for hello in hellos {
        assert!(!hello.reply().is_error());
        worst = worst.max(start.elapsed());
    }
    println!("{BRIDGES} bridges, the last served after {worst:?}");
    let pids: BTreeSet<u64> = agents
        .iter()
        .map(|agent| {
            agent.initialized();
            agent.call("status", json!({})).ok()["pid"]
                .as_u64()
                .expect("a pid")
        })
        .collect();
    assert_eq!(pids.len(), 1, "{pids:?}");
    assert!(
        worst < Duration::from_secs(limit),
        "{worst:?}, allowed {limit} s (BRIDGES_LIMIT_S)"
    );
}
