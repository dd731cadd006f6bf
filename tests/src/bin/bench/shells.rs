//! A key in a terminal, from the press to its echo, beside `ssh -tt`: on loopback,
//! where what is compared is the way through bridge and daemon, and over a line,
//! where the line is.

use std::io::{Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use tests::{Agent, World};

use crate::line::over_the_line;
use crate::peer::{ssh, ssh_at};
use crate::table::{Bound, Table, medians};

/// Keys that a median is of.
const ROUNDS: usize = 300;

/// What echoes: a terminal as it is.
const ECHOES: &str = "cat";

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("far");
    let peer = Terminal::start(ssh(&world));
    let (ours, theirs) = echoes(&agent, peer, ROUNDS);
    let what = "a key's echo, ssh_shell_write to ssh_shell_read (median of 300)";
    table.times(what, ours, ("ssh -tt", theirs), Bound::Free);

    let world = World::new();
    let (agent, port) = over_the_line(&world);
    let peer = Terminal::start(ssh_at(&world, port));
    let (ours, theirs) = echoes(&agent, peer, ROUNDS / 10);
    let what = "the same, 40 ms of round trip (median of 30)";
    table.times(what, ours, ("ssh -tt", theirs), Bound::Most(1.3));
}

/// The medians of both, in turn.
fn echoes(agent: &Agent, mut peer: Terminal, rounds: usize) -> (Duration, Duration) {
    let call = json!({"session_id": "far", "shell_id": "echo", "command": ECHOES});
    agent.call("ssh_shell_open", call).ok();
    let (mut ours, mut pairs) = (0, Vec::new());
    for round in 0..rounds {
        pairs.push((pressed(agent, &mut ours), peer.pressed()));
        // A line's length is limited.
        if round % 50 == 49 {
            let call = json!({"session_id": "far", "shell_id": "echo", "data": "\n"});
            agent.call("ssh_shell_write", call).ok();
            let call = json!({"session_id": "far", "shell_id": "echo", "quiet_ms": 50});
            ours = agent.call("ssh_shell_read", call).ok()["cursor"]
                .as_u64()
                .expect("a position");
            peer.line();
        }
    }
    medians(&pairs)
}

/// A read waits, a key is pressed, and the read has its echo.
fn pressed(agent: &Agent, cursor: &mut u64) -> Duration {
    let call = json!({"session_id": "far", "shell_id": "echo", "cursor": *cursor,
        "timeout_ms": 10_000});
    let reading = agent.begin("ssh_shell_read", call);
    // ssh waits for its output already, too.
    std::thread::sleep(Duration::from_millis(2));
    let start = Instant::now();
    let call = json!({"session_id": "far", "shell_id": "echo", "data": "x"});
    let writing = agent.begin("ssh_shell_write", call);
    let seen = reading.reply().ok();
    let length = start.elapsed();
    assert_eq!(seen["data"], "x");
    *cursor = seen["cursor"].as_u64().expect("a position");
    writing.reply().ok();
    length
}

/// The same through a spawned ssh.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    screen: ChildStdout,
}

impl Terminal {
    fn start(mut ssh: Command) -> Self {
        let mut child = ssh
            .args(["-tt", "127.0.0.1", ECHOES])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh starts");
        let keys = child.stdin.take().expect("its stdin");
        let screen = child.stdout.take().expect("its stdout");
        let mut terminal = Self {
            child,
            keys,
            screen,
        };
        terminal.pressed();
        terminal
    }

    fn pressed(&mut self) -> Duration {
        let start = Instant::now();
        self.keys.write_all(b"x").expect("a key");
        self.expect(b"x");
        start.elapsed()
    }

    fn line(&mut self) {
        self.keys.write_all(b"\n").expect("a key");
        self.expect(b"\r\n");
        while self.next() != b'\n' {}
    }

    fn expect(&mut self, bytes: &[u8]) {
        for byte in bytes {
            assert_eq!(self.next(), *byte, "another echo");
        }
    }

    fn next(&mut self) -> u8 {
        let mut byte = [0];
        self.screen.read_exact(&mut byte).expect("an echo");
        byte[0]
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
