//! Figures of a release build, each beside what it is to be compared with.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, SlowLine, World, programs};

/// Executions that a median is of.
const ROUNDS: usize = 200;

/// Sessions of the larger figures.
const SESSIONS: usize = 100;

/// Of the slow line.
const ROUND_TRIP: Duration = Duration::from_millis(40);

/// Commands at once.
const PARALLEL: usize = 64;

/// What prints 10 GiB.
const FLOOD: &str = "yes | head -c 10737418240";

fn main() {
    let world = World::new();
    println!("{:<52} {:>12}", "figure", "value");
    let cold = first_answer(&world);
    row("bridge: first answer, daemon started by it (ms)", ms(cold));
    let warm = median((0..20).map(|_| first_answer(&world)).collect());
    row(
        "bridge: first answer, daemon there (ms, median of 20)",
        ms(warm),
    );
    row(
        "daemon: resident memory, idle (KiB)",
        whole(world.daemon().rss_kib()),
    );
    let agent = world.connected("s");
    row("bridge: resident memory (KiB)", whole(agent.rss_kib()));
    execs(&world, &agent);
    slow_line();
    at_once(&world, &agent);
    many(&world, &agent);
    flood(&world, &agent);
}

/// `true` over a line with 40 ms of round trip, in round trips.
fn slow_line() {
    let world = World::new();
    let line = SlowLine::start(world.sshd.port(), ROUND_TRIP / 2);
    let known = world.sshd.known_hosts_line();
    let beside = known.replace(&world.sshd.port().to_string(), &line.port().to_string());
    world.trust_lines(&beside);
    let agent = world.agent();
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    let call = json!({"id": "far", "spec": spec});
    agent.call("ssh_connect", call).ok();
    let once = || {
        let start = Instant::now();
        let call = json!({"session_id": "far", "command": "true"});
        agent.call("ssh_exec", call).ok();
        start.elapsed()
    };
    once();
    let master = Master::at(&world, line.port());
    let pairs: Vec<_> = (0..ROUNDS / 4).map(|_| (once(), master.once())).collect();
    let trips = |length: Duration| {
        let trips = length.as_secs_f64() / ROUND_TRIP.as_secs_f64();
        format!("{trips:.2}")
    };
    let ours = median(pairs.iter().map(|pair| pair.0).collect());
    let theirs = median(pairs.iter().map(|pair| pair.1).collect());
    row("exec over 40 ms of round trip (round trips)", trips(ours));
    row("  ssh over a ControlMaster, same line", trips(theirs));
}

/// 64 commands at once, beside as many ssh processes over one connection.
fn at_once(world: &World, agent: &Agent) {
    let master = Master::start(world);
    let rounds: Vec<_> = (0..8)
        .map(|_| {
            let start = Instant::now();
            burst(agent, PARALLEL, |_| "s".to_owned());
            let ours = start.elapsed();
            let start = Instant::now();
            let children: Vec<_> = (0..PARALLEL).map(|_| master.begin()).collect();
            for mut child in children {
                assert!(
                    child.wait().is_ok_and(|status| status.success()),
                    "ssh failed"
                );
            }
            (ours, start.elapsed())
        })
        .collect();
    let ours = median(rounds.iter().map(|round| round.0).collect());
    let theirs = median(rounds.iter().map(|round| round.1).collect());
    row("64 execs at once (ms, median of 8)", ms(ours));
    row("64 ssh processes over a ControlMaster (ms)", ms(theirs));
    row(
        "  throughput, ours over theirs",
        format!("{:.2}", theirs.as_secs_f64() / ours.as_secs_f64()),
    );
}

/// One command prints 10 GiB: memory, time beside ssh, and what others notice.
fn flood(world: &World, agent: &Agent) {
    let quiet = median((0..50).map(|_| beside(agent)).collect());
    let before = world.daemon().rss_kib();
    let start = Instant::now();
    let call = json!({"session_id": "s", "command": FLOOD, "background": true});
    let job = agent.call("ssh_exec", call).ok();
    let (mut most, mut busy) = (0, Vec::new());
    let wait = json!({"job_id": job["job_id"], "timeout_ms": 200});
    while agent.call("job_wait", wait.clone()).ok()["state"] == "running" {
        most = most.max(world.daemon().rss_kib());
        busy.push(beside(agent));
    }
    let ours = start.elapsed();
    let start = Instant::now();
    let status = ssh(world)
        .args(["127.0.0.1", FLOOD])
        .stdout(Stdio::null())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "ssh failed");
    let theirs = start.elapsed();
    row("daemon: resident memory before 10 GiB (KiB)", whole(before));
    row(
        "daemon: resident memory, most during 10 GiB (KiB)",
        whole(most),
    );
    row("10 GiB of output of one exec (s)", seconds(ours));
    row("  ssh, the same into /dev/null (s)", seconds(theirs));
    row(
        "exec true on the same link meanwhile (ms, median)",
        ms(median(busy)),
    );
    row("  without it (ms, median)", ms(quiet));
}

fn beside(agent: &Agent) -> Duration {
    let start = Instant::now();
    let call = json!({"session_id": "s", "command": "true"});
    agent.call("ssh_exec", call).ok();
    start.elapsed()
}

/// `true` over a warm session, beside ssh over a shared connection.
fn execs(world: &World, agent: &Agent) {
    let once = || {
        let start = Instant::now();
        agent
            .call("ssh_exec", json!({"session_id": "s", "command": "true"}))
            .ok();
        start.elapsed()
    };
    once();
    let master = Master::start(world);
    let pairs: Vec<_> = (0..ROUNDS).map(|_| (once(), master.once())).collect();
    let ours = median(pairs.iter().map(|pair| pair.0).collect());
    let theirs = median(pairs.iter().map(|pair| pair.1).collect());
    row("ssh_exec true through the bridge (ms, median)", ms(ours));
    row(
        "ssh over a ControlMaster, same run (ms, median)",
        ms(theirs),
    );
    row(
        "  ratio",
        format!("{:.2}", ours.as_secs_f64() / theirs.as_secs_f64()),
    );
}

/// Many at once, many sessions.
fn many(world: &World, agent: &Agent) {
    let start = Instant::now();
    burst(agent, 32, |_| "s".to_owned());
    row(
        "32 execs at once on one session (ms, all)",
        ms(start.elapsed()),
    );
    // After these calls the daemon has grown to its working size.
    let before = world.daemon().rss_kib();
    row("daemon: resident memory, one session (KiB)", whole(before));
    connects(world, agent);
    let after = world.daemon().rss_kib();
    row(
        "daemon: resident memory of each further session (KiB)",
        whole(after.saturating_sub(before) / SESSIONS as u64),
    );
    let start = Instant::now();
    for _ in 0..10 {
        burst(agent, SESSIONS, |index| format!("m{index}"));
    }
    row(
        "1000 execs over 100 sessions (ms, all)",
        ms(start.elapsed()),
    );
}

/// New sessions, each beside a fresh ssh.
fn connects(world: &World, agent: &Agent) {
    let opened = |index: usize| {
        let start = Instant::now();
        let call = json!({"id": format!("m{index}"), "spec": world.spec()});
        agent.call("ssh_connect", call).ok();
        start.elapsed()
    };
    let pairs: Vec<_> = (0..SESSIONS)
        .map(|index| (opened(index), ssh_once(&mut ssh(world))))
        .collect();
    let ours = median(pairs.iter().map(|pair| pair.0).collect());
    let theirs = median(pairs.iter().map(|pair| pair.1).collect());
    row("ssh_connect (ms, median of 100)", ms(ours));
    row("a fresh `ssh true`, same run (ms, median)", ms(theirs));
    row(
        "  ratio",
        format!("{:.2}", ours.as_secs_f64() / theirs.as_secs_f64()),
    );
}

fn burst(agent: &Agent, count: usize, session: impl Fn(usize) -> String) {
    let begin = |index| {
        agent.begin(
            "ssh_exec",
            json!({"session_id": session(index), "command": "true"}),
        )
    };
    let pending: Vec<_> = (0..count).map(begin).collect();
    for one in pending {
        one.reply().ok();
    }
}

/// From the start of a bridge to the answer to `initialize`.
fn first_answer(world: &World) -> Duration {
    let start = Instant::now();
    let agent = world.agent();
    let elapsed = start.elapsed();
    drop(agent);
    elapsed
}

/// A connection that the real ssh shares.
struct Master<'a> {
    world: &'a World,
    port: u16,
}

impl<'a> Master<'a> {
    fn start(world: &'a World) -> Self {
        Self::at(world, world.sshd.port())
    }

    fn at(world: &'a World, port: u16) -> Self {
        let master = Self { world, port };
        let status = master
            .ssh()
            .args([
                "-o",
                "ControlMaster=yes",
                "-o",
                "ControlPersist=600",
                "127.0.0.1",
                "true",
            ])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "ssh's master does not start"
        );
        master
    }

    fn once(&self) -> Duration {
        ssh_once(&mut self.ssh())
    }

    fn begin(&self) -> Child {
        let mut ssh = self.ssh();
        ssh.args(["127.0.0.1", "true"]).spawn().expect("ssh starts")
    }

    fn ssh(&self) -> Command {
        let mut ssh = ssh_at(self.world, self.port);
        let path = self.world.home().join("master");
        ssh.arg("-o").arg(format!("ControlPath={}", path.display()));
        ssh
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        drop(self.ssh().args(["-O", "exit", "127.0.0.1"]).output());
    }
}

/// The real ssh with this world's key and nothing of the machine's.
fn ssh(world: &World) -> Command {
    ssh_at(world, world.sshd.port())
}

fn ssh_at(world: &World, port: u16) -> Command {
    let known = world.home().join(".ssh/known_hosts");
    let mut ssh = programs::command("ssh");
    ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o"])
        .arg(format!("UserKnownHostsFile={}", known.display()))
        .arg("-i")
        .arg(&world.key.path)
        .args(["-p", &port.to_string()]);
    ssh
}

fn ssh_once(ssh: &mut Command) -> Duration {
    let start = Instant::now();
    let output = ssh.args(["127.0.0.1", "true"]).output();
    assert!(
        output.is_ok_and(|output| output.status.success()),
        "ssh failed"
    );
    start.elapsed()
}

fn row(figure: &str, value: String) {
    println!("{figure:<52} {value:>12}");
}

fn ms(length: Duration) -> String {
    format!("{:.2}", length.as_secs_f64() * 1000.0)
}

fn seconds(length: Duration) -> String {
    format!("{:.1}", length.as_secs_f64())
}

fn whole(number: u64) -> String {
    number.to_string()
}

fn median(mut lengths: Vec<Duration>) -> Duration {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}
