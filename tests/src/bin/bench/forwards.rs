//! Streams through port forwards beside `ssh -L` and `ssh -R` with the same cipher.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::services::{connect, echo, free_port, serve_with};
use tests::until::{SOON, until_true};
use tests::{Agent, World};

use crate::peer::ssh;
use crate::table::{Bound, Table, medians};

/// What goes through, in bytes.
const SIZE: usize = 1 << 30;

/// What a socket is given or asked for at once.
const PIECE: usize = 256 << 10;

/// Transfers that a median is of.
const ROUNDS: usize = 7;

/// Bytes that are sent to and fro.
const ECHOES: usize = 2_000;

/// The cipher that ours takes first where the CPU has AES.
const CIPHER: &str = "aes128-gcm@openssh.com";

/// Ours over theirs at least, towards the host and from it.
const UP: f64 = 0.95;
const DOWN: f64 = 0.85;

/// Moves it all through the port, and takes the time.
type Once = fn(u16) -> Duration;

pub(crate) fn run(table: &mut Table) {
    let world = World::new();
    let agent = world.connected("s");
    let info = agent.call("ssh_info", json!({"id": "s"})).ok();
    assert_eq!(info["cipher"], CIPHER, "another cipher than the peer's");
    let (source, sink, echo) = (source(), sink(), echo());
    // Up is towards the host, whoever listens.
    for (way, up, down) in [
        ("-L", (sink, sent as Once), (source, received as Once)),
        ("-R", (source, received), (sink, sent)),
    ] {
        let compared = |(target, once): (u16, Once)| {
            rounds(&Pair::open(&world, &agent, way, target), ROUNDS, once)
        };
        let (ours, theirs) = compared(up);
        let what = format!("1 GiB up through {way} (median of {ROUNDS})");
        let peer = format!("ssh {way}, same cipher");
        table.speeds(&what, ours, (&peer, theirs), Bound::Least(UP));
        let (ours, theirs) = compared(down);
        let what = format!("1 GiB down through {way} (median of {ROUNDS})");
        table.speeds(&what, ours, (&peer, theirs), Bound::Least(DOWN));
    }
    let pair = Pair::open(&world, &agent, "-L", echo);
    let (mut ours, mut theirs) = (connect(pair.ours), connect(pair.theirs));
    let pairs: Vec<_> = (0..ECHOES)
        .map(|_| (pressed(&mut ours), pressed(&mut theirs)))
        .collect();
    let (ours, theirs) = medians(&pairs);
    let what = format!("a byte's echo through -L (median of {ECHOES})");
    table.times(&what, ours, ("ssh -L", theirs), Bound::Most(1.3));
}

/// The same target through ours and through ssh.
struct Pair<'a> {
    agent: &'a Agent,
    ours: u16,
    theirs: u16,
    ssh: Child,
}

impl<'a> Pair<'a> {
    fn open(world: &World, agent: &'a Agent, way: &str, target: u16) -> Self {
        let mut call = json!({"session_id": "s", "forward_id": "f", "bind_port": 0});
        let tool = if way == "-L" {
            call["remote_host"] = json!("127.0.0.1");
            call["remote_port"] = json!(target);
            "ssh_forward_local"
        } else {
            call["local_port"] = json!(target);
            "ssh_forward_remote"
        };
        let ours = port_of(&agent.call(tool, call).ok());
        let theirs = free_port();
        let mut command = ssh(world);
        command.args(["-N", "-c", CIPHER, "-o", "ExitOnForwardFailure=yes", way]);
        command.arg(format!("127.0.0.1:{theirs}:127.0.0.1:{target}"));
        command.arg("127.0.0.1").stdin(Stdio::null());
        let ssh = command.spawn().expect("ssh starts");
        until_true("ssh listens", SOON, || {
            TcpStream::connect(("127.0.0.1", theirs)).is_ok()
        });
        Self {
            agent,
            ours,
            theirs,
            ssh,
        }
    }
}

impl Drop for Pair<'_> {
    fn drop(&mut self) {
        drop(self.ssh.kill());
        drop(self.ssh.wait());
        let call = json!({"session_id": "s", "forward_id": "f"});
        self.agent.call("ssh_forward_cancel", call).words();
    }
}

fn port_of(info: &Value) -> u16 {
    let port = info["bind_port"].as_u64().expect("a port");
    u16::try_from(port).expect("a port")
}

/// The medians of both, in turn.
fn rounds(pair: &Pair<'_>, rounds: usize, once: Once) -> (Duration, Duration) {
    let both = (0..rounds).map(|_| (once(pair.ours), once(pair.theirs)));
    medians(&both.collect::<Vec<_>>())
}

/// Sends it all, until the other side has it.
fn sent(port: u16) -> Duration {
    let mut stream = connect(port);
    let piece = vec![7; PIECE];
    let start = Instant::now();
    for _ in 0..SIZE / PIECE {
        stream.write_all(&piece).expect("it takes it");
    }
    stream.shutdown(Shutdown::Write).expect("it is open");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    assert_eq!(answer, SIZE.to_string().as_bytes(), "bytes are missing");
    start.elapsed()
}

/// Takes it all.
fn received(port: u16) -> Duration {
    let start = Instant::now();
    let count = taken(&mut connect(port));
    assert_eq!(count, SIZE, "bytes are missing");
    start.elapsed()
}

fn taken(stream: &mut TcpStream) -> usize {
    let (mut piece, mut count) = (vec![0; PIECE], 0);
    loop {
        match stream.read(&mut piece).expect("it comes") {
            0 => return count,
            more => count += more,
        }
    }
}

fn pressed(stream: &mut TcpStream) -> Duration {
    stream.set_nodelay(true).expect("it is a socket");
    let start = Instant::now();
    stream.write_all(b"x").expect("it takes it");
    stream.read_exact(&mut [0]).expect("an echo");
    start.elapsed()
}

/// What sends it all to whoever comes; gives its port.
fn source() -> u16 {
    serve_with(|mut stream| {
        let piece = vec![7; PIECE];
        for _ in 0..SIZE / PIECE {
            // Who only looks whether somebody listens goes again.
            if stream.write_all(&piece).is_err() {
                return;
            }
        }
    })
}

/// What takes all that comes and says how much it was; gives its port.
fn sink() -> u16 {
    serve_with(|mut stream| {
        let count = taken(&mut stream);
        drop(stream.write_all(count.to_string().as_bytes()));
    })
}
