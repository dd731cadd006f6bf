//! The hello: the daemon's line is read and judged, ours is written.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use schema::handle::Handle;
use schema::hello::{BridgeHello, ClientContext, DaemonHello, DaemonState, Purpose, WIRE};
use schema::limits::{HELLO_MAX_BYTES, HELLO_WAIT};
use schema::place::Place;
use schema::{Code, Fault};

use crate::handle_file;
use crate::miss::Miss;
use crate::socket::Peer;

/// How long the handle of a daemon that just said hello may lag behind it.
const HANDLE_LAG_MAX: Duration = Duration::from_secs(1);
const HANDLE_LAG_PAUSE: Duration = Duration::from_millis(5);

/// A connection that serves, and the bytes that came after the hello.
#[derive(Debug)]
pub(crate) struct Greeted {
    pub(crate) stream: UnixStream,
    pub(crate) hello: DaemonHello,
    pub(crate) rest: Vec<u8>,
}

/// Goes through the hello.
pub(crate) fn greet(
    mut stream: UnixStream,
    peer: Peer,
    place: &Place,
    purpose: Purpose,
    client: &ClientContext,
) -> Result<Greeted, Miss> {
    let until = Instant::now() + HELLO_WAIT;
    let (line, rest) = match read_line(&mut stream, until) {
        Ok(read) => read,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock
            ) =>
        {
            return Err(Miss::settled(hangs(peer)));
        }
        // It went away in this moment.
        Err(_) => return Err(Miss::Nobody(String::new())),
    };
    let hello: DaemonHello = serde_json::from_slice(&line).map_err(|error| {
        Miss::settled(Fault::new(
            Code::Unavailable,
            format!("what listens on the daemon's socket does not speak as one: {error}"),
        ))
    })?;
    judge(&hello, purpose)?;
    let handle = matching_handle(place, &hello)?;
    let ours = BridgeHello {
        wire: WIRE,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        token: handle.token,
        purpose,
        client: client.clone(),
    };
    let written = stream
        .set_write_timeout(Some(HELLO_WAIT))
        .and_then(|()| stream.write_all((ours.to_line() + "\n").as_bytes()))
        .and_then(|()| stream.set_read_timeout(None))
        .and_then(|()| stream.set_write_timeout(None));
    match written {
        Ok(()) => Ok(Greeted {
            stream,
            hello,
            rest,
        }),
        Err(_) => Err(Miss::Nobody(String::new())),
    }
}

/// One line and what came after it.
fn read_line(stream: &mut UnixStream, until: Instant) -> io::Result<(Vec<u8>, Vec<u8>)> {
    let mut line = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = match stream.read(&mut chunk) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        line.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if let Some(at) = line.iter().position(|byte| *byte == b'\n') {
            let rest = line.split_off(at + 1);
            return Ok((line, rest));
        }
        if line.len() > HELLO_MAX_BYTES {
            return Ok((line, Vec::new()));
        }
    }
}

/// Whether this bridge can use that daemon now.
fn judge(hello: &DaemonHello, purpose: Purpose) -> Result<(), Miss> {
    if WIRE.common(hello.wire).is_none() {
        let next = if hello.wire.min > WIRE.max {
            "install the newer remote-shell-mcp and restart this MCP client"
        } else {
            "the running daemon is older: `remote-shell-mcp daemon restart`"
        };
        let text = format!(
            "bridge {} speaks wire versions {} to {}, daemon {} speaks {} to {}",
            env!("CARGO_PKG_VERSION"),
            WIRE.min,
            WIRE.max,
            hello.version,
            hello.wire.min,
            hello.wire.max,
        );
        return Err(Miss::settled(
            Fault::new(Code::Unavailable, text).next(next),
        ));
    }
    if purpose == Purpose::Control {
        return Ok(());
    }
    match hello.state {
        DaemonState::Ready | DaemonState::Unknown => Ok(()),
        DaemonState::Migrating => {
            let text = format!(
                "the daemon brings its database to a newer form: {}",
                hello.reason
            );
            let fault =
                Fault::new(Code::Upgrading, text).next("it ends by itself; try again in a minute");
            Err(Miss::passing(fault))
        }
        DaemonState::Refusing => {
            let text = format!(
                "the daemon {} does not serve: {}",
                hello.version, hello.reason
            );
            let fault = Fault::new(Code::Unavailable, text).next("see `remote-shell-mcp status`");
            Err(Miss::settled(fault))
        }
    }
}

/// The handle that this run of the daemon wrote.
fn matching_handle(place: &Place, hello: &DaemonHello) -> Result<Handle, Miss> {
    let until = Instant::now() + HANDLE_LAG_MAX;
    loop {
        let why = match handle_file::read(&place.handle) {
            Ok(Some(handle)) if handle.instance == hello.instance => return Ok(handle),
            Ok(Some(_)) => format!("the handle {} is another daemon's", place.handle.display()),
            Ok(None) => format!("the handle {} is not there", place.handle.display()),
            Err(untrusted) => untrusted.0,
        };
        if Instant::now() >= until {
            let text = format!("a daemon runs (pid {}) but {why}", hello.pid);
            let next = "remove that file and run `remote-shell-mcp daemon restart`";
            return Err(Miss::settled(
                Fault::new(Code::Unavailable, text).next(next),
            ));
        }
        std::thread::sleep(HANDLE_LAG_PAUSE);
    }
}

fn hangs(peer: Peer) -> Fault {
    let pid = peer.pid;
    Fault::new(
        Code::Unavailable,
        format!(
            "the daemon (pid {pid}) does not answer within {} s: it is stopped or hangs",
            HELLO_WAIT.as_secs()
        ),
    )
    .next(format!(
        "`kill -CONT {pid}` if it was stopped; `kill {pid}` ends it and its sessions"
    ))
}
