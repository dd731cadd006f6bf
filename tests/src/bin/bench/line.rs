//! `true` over a line with 40 ms of round trip.

use std::time::Duration;

use serde_json::json;
use tests::{Agent, World};

use crate::commands::once;
use crate::peer::Master;
use crate::table::{Bound, Table, medians};

/// Of the line.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// Commands that a median is of.
const ROUNDS: usize = 50;

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let (agent, port) = over_the_line(&world);
    once(&agent, "far");
    let master = Master::at(&world, port);
    let pairs: Vec<_> = (0..ROUNDS)
        .map(|_| (once(&agent, "far"), master.once()))
        .collect();
    let (ours, theirs) = medians(&pairs);
    let trips = |length: Duration| {
        let trips = length.as_secs_f64() / ROUND_TRIP.as_secs_f64();
        format!("{trips:.2} round trips")
    };
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    table.row(
        "ssh_exec true, 40 ms of round trip (median of 50)",
        &trips(ours),
        ("ssh over a ControlMaster", &trips(theirs)),
        ratio,
        Bound::Most(1.0),
    );
}

/// A session `far` over the line, and the line's port.
pub(crate) fn over_the_line(world: &World) -> (Agent, u16) {
    let line = world.line(ROUND_TRIP / 2);
    let agent = world.agent();
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    agent
        .call("ssh_connect", json!({"id": "far", "spec": spec}))
        .ok();
    (agent, line.port())
}
