//! A daemon as the bridge sees one: a socket, a handle, a hello, and lines.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use schema::handle::Handle;
use schema::hello::{BridgeHello, DaemonHello, DaemonState, WIRE, WireRange};
use schema::{Fault, Secret};
use serde_json::{Value, json};

/// A daemon that is played by the test.
pub(crate) struct FakeDaemon {
    listener: UnixListener,
    pub(crate) hello: DaemonHello,
}

/// One bridge at the daemon.
pub(crate) struct Conn {
    pub(crate) hello: BridgeHello,
    reader: BufReader<UnixStream>,
}

impl FakeDaemon {
    /// Listens in that folder and writes the handle.
    pub(crate) fn start(folder: &Path, instance: &str) -> Self {
        let socket = folder.join("daemon.sock");
        drop(std::fs::remove_file(&socket));
        let listener = UnixListener::bind(&socket).unwrap();
        write_handle(folder, instance, 0o600);
        let hello = DaemonHello {
            wire: WIRE,
            version: "0.0.1".into(),
            instance: instance.into(),
            pid: std::process::id(),
            state: DaemonState::Ready,
            reason: String::new(),
        };
        Self { listener, hello }
    }

    /// The next bridge, after the daemon's hello only.
    pub(crate) fn accept_half(&self) -> UnixStream {
        let (mut stream, _) = self.listener.accept().unwrap();
        let line = serde_json::to_string(&self.hello).unwrap() + "\n";
        stream.write_all(line.as_bytes()).unwrap();
        stream
    }

    /// The next bridge, after both hellos.
    pub(crate) fn accept(&self) -> Conn {
        let mut reader = BufReader::new(self.accept_half());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let hello: BridgeHello = serde_json::from_str(&line).unwrap();
        Conn { hello, reader }
    }

    /// The next bridge, which gets no hello at all.
    pub(crate) fn accept_silently(&self) -> UnixStream {
        self.listener.accept().unwrap().0
    }
}

impl Conn {
    /// The bridge's next line; none when it is gone.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reader.read_line(&mut line).unwrap_or(0);
        (read > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    pub(crate) fn say(&mut self, line: &str) {
        let line = line.to_owned() + "\n";
        self.reader.get_mut().write_all(line.as_bytes()).unwrap();
    }

    /// Answers every request with its method until the bridge is gone, or `exit`
    /// ends this process.
    pub(crate) fn echo(mut self) {
        while let Some(line) = self.line() {
            let message: Value = serde_json::from_str(&line).unwrap();
            if message["method"] == "exit" {
                std::process::exit(1);
            }
            if message["id"].is_null() {
                continue;
            }
            self.say(
                &json!({"jsonrpc":"2.0","id":message["id"],"result":{"echo":message["method"]}})
                    .to_string(),
            );
        }
    }

    pub(crate) fn refuse(&mut self, fault: Fault) {
        self.say(&serde_json::to_string(&schema::hello::Refusal { refused: fault }).unwrap());
    }
}

/// Writes a handle of that mode.
pub(crate) fn write_handle(folder: &Path, instance: &str, mode: u32) {
    let handle = Handle {
        addr: String::new(),
        socket: folder.join("daemon.sock").to_str().unwrap().into(),
        token: Secret::new(format!("token of {instance}")),
        pid: std::process::id(),
        version: "0.0.1".into(),
        instance: instance.into(),
    };
    let path = folder.join("daemon.json");
    drop(std::fs::remove_file(&path));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&path)
        .unwrap();
    file.write_all(handle.to_file_text().as_bytes()).unwrap();
}

/// No version of the wire that this build speaks.
pub(crate) const FUTURE_WIRE: WireRange = WireRange { min: 7, max: 9 };
