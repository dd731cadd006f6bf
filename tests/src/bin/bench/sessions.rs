//! Many sessions: what each costs.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World};

use crate::parallel::burst;
use crate::peer::ssh_true;
use crate::table::{Bound, Table, medians, mib, shown};

const SESSIONS: usize = 100;

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("s");
    // After these calls the daemon has grown to its working size.
    burst(&agent, 32, |_| "s".to_owned());
    let before = world.daemon().rss_kib();
    table.alone("resident memory of the daemon, one session", mib(before));
    let pairs: Vec<_> = (0..SESSIONS)
        .map(|index| (opened(&world, &agent, index), ssh_true(&world)))
        .collect();
    let (ours, theirs) = medians(&pairs);
    let what = "ssh_connect (median of 100)";
    table.times(what, ours, ("a fresh ssh true", theirs), Bound::Most(1.0));
    let each = world.daemon().rss_kib().saturating_sub(before) / SESSIONS as u64;
    table.alone("resident memory of each further session", mib(each));
    let start = Instant::now();
    for _ in 0..10 {
        burst(&agent, SESSIONS, |index| format!("m{index}"));
    }
    table.alone("1000 ssh_exec over 100 sessions", shown(start.elapsed()));
}

fn opened(world: &World, agent: &Agent, index: usize) -> Duration {
    let start = Instant::now();
    let call = json!({"id": format!("m{index}"), "spec": world.spec()});
    agent.call("ssh_connect", call).ok();
    start.elapsed()
}
