//! One command at a time over a warm session.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World};

use crate::peer::Master;
use crate::table::{Bound, Table, medians};

/// Commands that a median is of.
const ROUNDS: usize = 200;

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("s");
    once(&agent, "s");
    let master = Master::start(&world);
    let pairs: Vec<_> = (0..ROUNDS)
        .map(|_| (once(&agent, "s"), master.once()))
        .collect();
    let (ours, theirs) = medians(&pairs);
    let peer = ("ssh over a ControlMaster", theirs);
    table.times(
        "ssh_exec true (median of 200)",
        ours,
        peer,
        Bound::Most(1.0),
    );
}

/// `true` on `session`.
pub(crate) fn once(agent: &Agent, session: &str) -> Duration {
    let start = Instant::now();
    let call = json!({"session_id": session, "command": "true"});
    agent.call("ssh_exec", call).ok();
    start.elapsed()
}
