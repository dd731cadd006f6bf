//! From the start of a bridge to its first answer, and what lies idle.

use std::time::{Duration, Instant};

use tests::World;

use crate::table::{Table, median, mib, shown};

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let cold = first_answer(&world);
    table.alone(
        "first answer of a bridge that starts the daemon",
        shown(cold),
    );
    let warm = median((0..20).map(|_| first_answer(&world)).collect());
    table.alone(
        "first answer of a bridge, daemon there (median of 20)",
        shown(warm),
    );
    let idle = world.daemon().rss_kib();
    table.alone("resident memory of the daemon, idle", mib(idle));
    let agent = world.connected("s");
    table.alone("resident memory of a bridge", mib(agent.rss_kib()));
}

fn first_answer(world: &World) -> Duration {
    let start = Instant::now();
    let agent = world.agent();
    let elapsed = start.elapsed();
    drop(agent);
    elapsed
}
