//! What a command costs on a slow line, in round trips.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::{Agent, World};

const ROUND_TRIP: Duration = Duration::from_millis(40);

/// Round trips are whole, and what the machine is busy with is not.
const NOISE: f64 = 0.5;

fn median(agent: &Agent, call: &Value) -> Duration {
    let once = || {
        let begun = Instant::now();
        agent.call("ssh_exec", call.clone()).ok();
        begun.elapsed()
    };
    let mut all: Vec<_> = (0..9).map(|_| once()).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

#[test]
fn a_command_costs_one_round_trip_in_a_folder_or_not_and_its_input_one_more() {
    let world = World::new();
    let line = world.line(ROUND_TRIP / 2);
    let agent = world.connected("near");
    let far = world.spec_with(json!({"addresses": [line.address()]}));
    agent
        .call("ssh_connect", json!({"id": "far", "spec": far}))
        .ok();
    // sshd lets no input in before the command runs.
    for (more, at_most) in [
        (json!({}), 1.0),
        (json!({"cwd": "/"}), 1.0),
        (json!({"stdin": "in"}), 2.0),
    ] {
        let call = |id| {
            let mut call = json!({"session_id": id, "command": "cat"});
            call.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            call
        };
        let (near, far) = (median(&agent, &call("near")), median(&agent, &call("far")));
        let trips = far.saturating_sub(near).as_secs_f64() / ROUND_TRIP.as_secs_f64();
        println!("{more}: {trips:.2} round trips beyond {near:?}");
        assert!(
            trips < at_most + NOISE,
            "{more}: {trips:.2} round trips ({far:?} beside {near:?})"
        );
    }
}
