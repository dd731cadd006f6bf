//! Figures of a release build, each beside what it is to be compared with.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World, programs};

/// Executions that a median is of.
const ROUNDS: usize = 200;

/// Sessions of the larger figures.
const SESSIONS: usize = 100;

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
    let agent = world.connected("s");
    row("bridge: resident memory (KiB)", whole(agent.rss_kib()));
    row(
        "daemon: resident memory, one session (KiB)",
        whole(world.daemon().rss_kib()),
    );
    execs(&world, &agent);
    many(&world, &agent);
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
    let start = Instant::now();
    for index in 0..SESSIONS {
        let call = json!({"id": format!("m{index}"), "spec": world.spec()});
        agent.call("ssh_connect", call).ok();
    }
    row(
        "100 sessions, one after another (ms, all)",
        ms(start.elapsed()),
    );
    row(
        "daemon: resident memory, 101 sessions (KiB)",
        whole(world.daemon().rss_kib()),
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
}

impl<'a> Master<'a> {
    fn start(world: &'a World) -> Self {
        let master = Self { world };
        let status = master
            .ssh()
            .args([
                "-o",
                "ControlMaster=yes",
                "-o",
                "ControlPersist=600",
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
        let start = Instant::now();
        let output = self.ssh().arg("true").output();
        assert!(
            output.is_ok_and(|output| output.status.success()),
            "ssh failed"
        );
        start.elapsed()
    }

    fn ssh(&self) -> std::process::Command {
        let home = self.world.home();
        let mut ssh = programs::command("ssh");
        ssh.args(["-F", "none", "-o", "BatchMode=yes", "-o"])
            .arg(format!(
                "UserKnownHostsFile={}",
                home.join(".ssh/known_hosts").display()
            ))
            .arg("-o")
            .arg(format!("ControlPath={}", home.join("master").display()))
            .arg("-i")
            .arg(&self.world.key.path)
            .args(["-p", &self.world.sshd.port().to_string(), "127.0.0.1"]);
        ssh
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        drop(self.ssh().args(["-O", "exit"]).output());
    }
}

fn row(figure: &str, value: String) {
    println!("{figure:<52} {value:>12}");
}

fn ms(length: Duration) -> String {
    format!("{:.2}", length.as_secs_f64() * 1000.0)
}

fn whole(number: u64) -> String {
    number.to_string()
}

fn median(mut lengths: Vec<Duration>) -> Duration {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}
