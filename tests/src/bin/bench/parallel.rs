//! Many commands at once.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World};

use crate::commands::once;
use crate::peer::Master;
use crate::table::{Bound, Table, medians};

/// Commands at once.
const PARALLEL: usize = 64;

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("s");
    once(&agent, "s");
    let master = Master::start(&world);
    let rounds: Vec<_> = (0..8)
        .map(|_| {
            let ours = burst(&agent, PARALLEL, |_| "s".to_owned());
            (ours, beside(&master))
        })
        .collect();
    let (ours, theirs) = medians(&rounds);
    let peer = ("64 ssh over a ControlMaster", theirs);
    let what = "64 ssh_exec at once (median of 8)";
    table.speeds(what, ours, peer, Bound::Least(1.0));
}

/// `true` so many times at once.
pub(crate) fn burst(agent: &Agent, count: usize, session: impl Fn(usize) -> String) -> Duration {
    let start = Instant::now();
    let begin = |index| {
        let call = json!({"session_id": session(index), "command": "true"});
        agent.begin("ssh_exec", call)
    };
    let pending: Vec<_> = (0..count).map(begin).collect();
    for one in pending {
        one.reply().ok();
    }
    start.elapsed()
}

fn beside(master: &Master) -> Duration {
    let start = Instant::now();
    let children: Vec<_> = (0..PARALLEL).map(|_| master.begin("true")).collect();
    for mut child in children {
        let ended = child.wait();
        assert!(ended.is_ok_and(|status| status.success()), "ssh failed");
    }
    start.elapsed()
}
