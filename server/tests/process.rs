//! The real binary in a home of its own: who wins, what it leaves, how it
//! ends, and that no line ends a connection.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test fail as the test does"
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use schema::handle::Handle;
use schema::hello::{BridgeHello, ClientContext, DaemonHello, DaemonState, Purpose, WIRE};
use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(20);

struct World {
    home: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(".config/remote-shell-mcp").join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_remote-shell-mcpd"));
        command
            .env_clear()
            .env("HOME", self.home.path())
            .args(arguments)
            .stderr(Stdio::piped());
        command
    }

    /// A daemon that serves.
    fn daemon(&self) -> Daemon {
        let child = self.command(&["-addr", "127.0.0.1:0"]).spawn().unwrap();
        until("the handle", || self.path("daemon.json").exists());
        Daemon(child)
    }

    fn handle(&self) -> Handle {
        serde_json::from_str(&std::fs::read_to_string(self.path("daemon.json")).unwrap()).unwrap()
    }

    fn connect(&self, purpose: Purpose) -> Lines {
        let handle = self.handle();
        let stream = UnixStream::connect(&handle.socket).unwrap();
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut lines = Lines {
            read: BufReader::new(stream.try_clone().unwrap()),
            write: stream,
        };
        let hello: DaemonHello = serde_json::from_value(lines.read()).unwrap();
        assert_eq!(hello.instance, handle.instance);
        assert_eq!(hello.state, DaemonState::Ready);
        let ours = BridgeHello {
            wire: WIRE,
            version: "test".into(),
            token: handle.token,
            purpose,
            client: ClientContext::default(),
        };
        lines.write(ours.to_line().as_bytes());
        lines
    }
}

struct Daemon(Child);

impl Daemon {
    fn terminate(mut self) -> Option<i32> {
        let pid = Pid::from_child(&self.0);
        kill_process(pid, Signal::TERM).unwrap();
        self.0.wait().unwrap().code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It is gone already when the test ended it.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

struct Lines {
    read: BufReader<UnixStream>,
    write: UnixStream,
}

impl Lines {
    fn write(&mut self, line: &[u8]) {
        self.write.write_all(line).unwrap();
        self.write.write_all(b"\n").unwrap();
    }

    fn read(&mut self) -> Value {
        let mut line = String::new();
        self.read.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    fn ask(&mut self, request: &Value) -> Value {
        self.write(request.to_string().as_bytes());
        self.read()
    }
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::yield_now();
    }
}

#[test]
fn the_second_daemon_exits_75_and_touches_nothing() {
    let world = World::new();
    let daemon = world.daemon();
    let before = |name: &str| {
        let found = std::fs::metadata(world.path(name)).unwrap();
        (found.ino(), found.mtime_nsec(), found.mode() & 0o777)
    };
    let names = ["daemon.json", "daemon.lock", "daemon.sock"];
    let seen = names.map(before);
    assert!(seen.iter().all(|(_, _, mode)| *mode == 0o600), "{seen:?}");
    let second = world.command(&[]).output().unwrap();
    assert_eq!(second.status.code(), Some(75));
    let words = String::from_utf8(second.stderr).unwrap();
    assert!(words.contains("another daemon"), "{words}");
    assert_eq!(names.map(before), seen);
    let folder = std::fs::metadata(world.path("")).unwrap();
    assert_eq!(folder.mode() & 0o777, 0o700);
    assert_eq!(daemon.terminate(), Some(0));
    assert!(!world.path("daemon.json").exists());
    assert!(!world.path("daemon.sock").exists());
}

#[test]
fn a_killed_daemons_files_do_not_stop_the_next() {
    let world = World::new();
    let mut first = world.daemon();
    let old = world.handle();
    first.0.kill().unwrap();
    first.0.wait().unwrap();
    let second = world.command(&["-addr", "127.0.0.1:0"]).spawn().unwrap();
    let second = Daemon(second);
    until("a new handle", || world.handle().instance != old.instance);
    world.connect(Purpose::Control);
    assert_eq!(second.terminate(), Some(0));
}

#[test]
fn what_cannot_be_is_said_in_words_with_78() {
    let world = World::new();
    for arguments in [
        ["-addr", "0.0.0.0:7800"],
        ["--format", "xml"],
        ["--nope", "x"],
    ] {
        let output = world.command(&arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(78), "{arguments:?}");
        assert!(!output.stderr.is_empty());
    }
    std::fs::create_dir_all(world.path("")).unwrap();
    std::fs::write(world.path("config.toml"), "mdoe = 1\n").unwrap();
    let output = world.command(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8(output.stderr).unwrap().contains("mdoe"));
}

#[test]
fn control_tells_who_it_is_and_stops_it_for_good() {
    let world = World::new();
    let mut daemon = world.daemon();
    let mut control = world.connect(Purpose::Control);
    let about = control.ask(&json!({"id": 1, "method": "about"}));
    assert_eq!(about["result"]["state"], "ready");
    let unknown = control.ask(&json!({"id": 2, "method": "dance"}));
    assert_eq!(unknown["error"]["code"], "invalid_argument");
    let tool =
        json!({"id": 3, "method": "tool", "params": {"name": "no_such_tool", "arguments": {}}});
    assert_eq!(control.ask(&tool)["result"]["is_error"], true);
    let stop = json!({"id": 4, "method": "stop", "params": {"stay_down": true}});
    assert_eq!(control.ask(&stop)["result"], json!({}));
    assert_eq!(daemon.0.wait().unwrap().code(), Some(0));
    assert!(world.path("daemon.stopped").exists());
}

#[test]
fn a_wrong_token_is_refused_in_words() {
    let world = World::new();
    let _daemon = world.daemon();
    let mut stream = UnixStream::connect(world.handle().socket).unwrap();
    let mut read = BufReader::new(stream.try_clone().unwrap()).lines();
    read.next().unwrap().unwrap();
    stream
        .write_all(b"{\"wire\":{\"min\":1,\"max\":1},\"version\":\"1\",\"token\":\"x\",\"purpose\":\"mcp\"}\n")
        .unwrap();
    let refusal: Value = serde_json::from_str(&read.next().unwrap().unwrap()).unwrap();
    assert_eq!(refusal["refused"]["code"], "denied");
    assert!(read.next().is_none());
}

#[test]
fn no_line_ends_a_connection_of_the_older_era() {
    let world = World::new();
    let daemon = world.daemon();
    let mut client = world.connect(Purpose::Mcp);
    odd_lines(&mut client);
    let started = client.ask(
        &json!({"jsonrpc":"2.0","id":1,"method":"initialize","params":{
        "protocolVersion":"2024-11-05","capabilities":{},
        "clientInfo":{"name":"old","version":"1"}}}),
    );
    assert_eq!(started["result"]["protocolVersion"], "2024-11-05");
    assert!(started["result"]["instructions"].is_string());
    client.write(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    odd_lines(&mut client);
    let tools = client.ask(&json!({"jsonrpc":"2.0","id":2,"method":"tools/list"}));
    assert!(tools["result"]["tools"].is_array());
    assert!(tools["result"]["ttlMs"].is_null());
    let called = client.ask(&json!({"jsonrpc":"2.0","id":3,"method":"tools/call",
        "params":{"name":"no_such_tool","arguments":{}}}));
    assert_eq!(called["result"]["isError"], true);
    assert_eq!(called["result"]["structuredContent"]["code"], "not_found");
    assert_eq!(daemon.terminate(), Some(0));
}

#[test]
fn no_line_ends_a_connection_of_the_newer_era() {
    let world = World::new();
    let _daemon = world.daemon();
    let mut client = world.connect(Purpose::Mcp);
    odd_lines(&mut client);
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "new", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {}});
    let found = client.ask(&json!({"jsonrpc":"2.0","id":1,"method":"server/discover",
        "params":{"_meta":meta}}));
    let versions = &found["result"]["supportedVersions"];
    assert!(
        versions.as_array().unwrap().contains(&json!("2026-07-28")),
        "{found}"
    );
    let tools = client.ask(&json!({"jsonrpc":"2.0","id":2,"method":"tools/list",
        "params":{"_meta":meta}}));
    assert_eq!(tools["result"]["ttlMs"], 3_600_000);
    assert_eq!(tools["result"]["cacheScope"], "private");
    odd_lines(&mut client);
    let called = client.ask(&json!({"jsonrpc":"2.0","id":3,"method":"tools/call",
        "params":{"name":"no_such_tool","arguments":{},"_meta":meta}}));
    assert_eq!(called["result"]["isError"], true);
    assert_eq!(called["result"]["resultType"], "complete");
}

/// Lines that are no message, each answered.
fn odd_lines(client: &mut Lines) {
    let deep = format!(
        "{}{}",
        r#"{"jsonrpc":"2.0","id":1,"params":"#,
        "[".repeat(50_000)
    );
    let long = format!(r#"{{"id":"long","x":"{}"}}"#, "x".repeat(17 << 20));
    for (line, code) in [
        (b"hello".to_vec(), -32700),
        (b"{\"a\":\"\xff\"}".to_vec(), -32700),
        (deep.into_bytes(), -32700),
        (b"{\"id\":1,\"id\":2}".to_vec(), -32600),
        (b"[]".to_vec(), -32600),
        (b"{}".to_vec(), -32600),
        (long.into_bytes(), -32600),
    ] {
        client.write(&line);
        let answer = client.read();
        assert_eq!(answer["error"]["code"], code, "{answer}");
    }
    // What is a message and needs no answer is borne at any time.
    client.write(
        br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}"#,
    );
    client.write(br#"{"jsonrpc":"2.0","method":"notifications/nonsense"}"#);
    client.write(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    client.write(b"");
}
