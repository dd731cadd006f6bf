//! One command prints 10 GiB: memory, time, and what others on the link notice.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World};

use crate::commands::once;
use crate::peer::{Master, ssh};
use crate::table::{Bound, Table, median, mib};

/// What prints 10 GiB.
const FLOOD: &str = "yes | head -c 10737418240";

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("s");
    once(&agent, "s");
    let quiet = median((0..50).map(|_| once(&agent, "s")).collect());
    let before = world.daemon().rss_kib();
    let (ours, busy, most) = flooded(&world, &agent);
    let start = Instant::now();
    let plain = ssh(&world)
        .args(["127.0.0.1", FLOOD])
        .stdout(Stdio::null())
        .status();
    assert!(plain.is_ok_and(|status| status.success()), "ssh failed");
    let theirs = start.elapsed();
    table.alone("resident memory of the daemon before 10 GiB", mib(before));
    table.alone("the same, most during 10 GiB of one ssh_exec", mib(most));
    let what = "10 GiB of output of one ssh_exec";
    table.speeds(
        what,
        ours,
        ("ssh into /dev/null", theirs),
        Bound::Least(1.0),
    );
    let what = "ssh_exec true beside 10 GiB";
    table.times(what, busy, ("without it", quiet), Bound::Free);
    let unread = beside_an_unread_shell(&agent);
    let most = world.daemon().rss_kib();
    table.alone("resident memory of the daemon with such a shell", mib(most));
    let what = "ssh_exec true beside a shell that floods and nobody reads";
    table.times(what, unread, ("without it", quiet), Bound::Free);
    let what = "ssh_exec true beside 10 GiB, against ssh in the same place";
    let theirs = ("ssh over a flooded ControlMaster", beside_ssh(&world));
    table.times(what, busy, theirs, Bound::Most(1.0));
}

/// How long the flood took, a command beside it, and the most memory in KiB.
fn flooded(world: &World, agent: &Agent) -> (Duration, Duration, u64) {
    let start = Instant::now();
    let call = json!({"session_id": "s", "command": FLOOD, "background": true});
    let job = agent.call("ssh_exec", call).ok();
    let (mut most, mut busy) = (0, Vec::new());
    let wait = json!({"job_id": job["job_id"], "timeout_ms": 200});
    while agent.call("job_wait", wait.clone()).ok()["state"] == "running" {
        most = most.max(world.daemon().rss_kib());
        busy.push(once(agent, "s"));
    }
    (start.elapsed(), median(busy), most)
}

/// A terminal prints without end, and nobody looks.
fn beside_an_unread_shell(agent: &Agent) -> Duration {
    let call = json!({"session_id": "s", "shell_id": "flood", "command": "yes"});
    agent.call("ssh_shell_open", call).ok();
    let busy = median((0..100).map(|_| once(agent, "s")).collect());
    let call = json!({"session_id": "s", "shell_id": "flood"});
    agent.call("ssh_shell_close", call).words();
    busy
}

/// What ssh notices of a flood over the connection that it shares.
fn beside_ssh(world: &World) -> Duration {
    let master = Master::start(world);
    let mut flood = master.begin(FLOOD);
    let mut busy = Vec::new();
    while flood.try_wait().expect("ssh is there").is_none() {
        busy.push(master.once());
    }
    median(busy)
}
