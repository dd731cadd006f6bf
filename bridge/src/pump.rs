//! Moves the bytes: one loop over stdin, stdout, the daemon's socket and the
//! search for it, which asks [`Session`] what every line means.
//!
//! Nothing here waits for one side alone, so a client that does not read
//! cannot keep a daemon from being heard, nor the reverse.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use schema::limits::LINE_MAX_BYTES;
use schema::{Code, Fault};

use crate::config::Config;
use crate::frame::Framer;
use crate::outbox::{Outbox, is_for_later};
use crate::seeker::Seeker;
use crate::session::{Effect, Session};
use crate::{replies, say};

/// Read at once; a pipe gives 64 KiB at most.
const READ_BYTES: usize = 16 << 10;

/// Written at once to a descriptor that is not ours to make non-blocking: what
/// POSIX promises a pipe takes when poll calls it writable.
const WRITE_BYTES: usize = if cfg!(target_os = "linux") { 4096 } else { 512 };

/// How long the bridge stays for open requests once its client is gone.
const LINGER: Duration = Duration::from_millis(800);

/// Serves one client until it is gone.
pub(crate) fn run(config: Config) -> io::Result<()> {
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut pump = Pump {
        stdin: Source {
            file: stdin,
            framer: Framer::new(LINE_MAX_BYTES),
            gone_at: None,
        },
        stdout,
        to_client: Outbox::default(),
        daemon: None,
        seeker: Seeker::new(Arc::new(config), Instant::now()),
        session: Session::new(),
        last_said: String::new(),
    };
    while !pump.is_done(Instant::now()) {
        pump.turn()?;
    }
    Ok(())
}

struct Pump {
    stdin: Source,
    stdout: File,
    to_client: Outbox,
    daemon: Option<Daemon>,
    seeker: Seeker,
    session: Session,
    last_said: String,
}

struct Source {
    file: File,
    framer: Framer,
    /// Since when the client says no more.
    gone_at: Option<Instant>,
}

struct Daemon {
    stream: UnixStream,
    framer: Framer,
    outbox: Outbox,
}

/// What poll found.
#[derive(Debug, Default, Clone, Copy)]
struct Ready {
    stdin: Found,
    stdout: Found,
    daemon: Found,
    seeker: Found,
}

/// One descriptor's part of it.
#[derive(Debug, Default, Clone, Copy)]
struct Found {
    readable: bool,
    writable: bool,
    over: bool,
}

impl Pump {
    fn is_done(&self, now: Instant) -> bool {
        self.stdin.gone_at.is_some_and(|gone| {
            let nothing_owed = self.session.is_idle() && self.to_client.is_empty();
            nothing_owed || now.saturating_duration_since(gone) >= LINGER
        })
    }

    fn turn(&mut self) -> io::Result<()> {
        let now = Instant::now();
        if let Some(fault) = self.seeker.run_if_due(now, self.session.has_held()) {
            let effects = self.session.daemon_missing(fault, false);
            self.carry_out(effects, now);
        }
        let effects = self.session.tick(now);
        self.carry_out(effects, now);
        let ready = self.poll(now)?;
        let now = Instant::now();
        if ready.seeker.readable || ready.seeker.over {
            self.search_ended(now);
        }
        if ready.daemon.readable || ready.daemon.over {
            self.read_daemon(now);
        }
        if ready.stdin.readable {
            self.read_client(now)?;
        }
        self.write_daemon(now);
        if ready.stdout.writable {
            let chunk =
                |bytes: &[u8]| (&self.stdout).write(bytes.get(..WRITE_BYTES).unwrap_or(bytes));
            self.to_client.write(chunk)?;
        } else if ready.stdout.over {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        Ok(())
    }

    /// Waits until something can be done.
    fn poll(&self, now: Instant) -> io::Result<Ready> {
        let daemon_is_full = self
            .daemon
            .as_ref()
            .is_some_and(|daemon| daemon.outbox.is_full());
        let mut ready = Ready::default();
        let mut slots: Vec<(&mut Found, BorrowedFd<'_>, PollFlags)> = Vec::with_capacity(4);
        // While it is full nobody looks: a client that wrote and closed has
        // its last requests in the pipe still. One that died shows at stdout.
        let full = daemon_is_full || self.to_client.is_full();
        if self.stdin.gone_at.is_none() && !full {
            slots.push((&mut ready.stdin, self.stdin.file.as_fd(), PollFlags::IN));
        }
        slots.push((
            &mut ready.stdout,
            self.stdout.as_fd(),
            write_unless(self.to_client.is_empty()),
        ));
        if let Some(daemon) = &self.daemon {
            let interest =
                read_unless(self.to_client.is_full()) | write_unless(daemon.outbox.is_empty());
            slots.push((&mut ready.daemon, daemon.stream.as_fd(), interest));
        }
        if let Some(wake) = self.seeker.wake() {
            slots.push((&mut ready.seeker, wake.as_fd(), PollFlags::IN));
        }
        let mut fds: Vec<PollFd<'_>> = slots
            .iter()
            .map(|(_, fd, flags)| PollFd::from_borrowed_fd(*fd, *flags))
            .collect();
        let timeout = self
            .timeout(now)
            .and_then(|left| Timespec::try_from(left).ok());
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for ((slot, _, interest), fd) in slots.iter_mut().zip(&fds) {
            let found = fd.revents();
            let over = found.intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL);
            **slot = Found {
                readable: interest.contains(PollFlags::IN)
                    && (over || found.contains(PollFlags::IN)),
                writable: found.contains(PollFlags::OUT),
                over,
            };
        }
        drop(slots);
        Ok(ready)
    }

    fn timeout(&self, now: Instant) -> Option<Duration> {
        let linger = self.stdin.gone_at.and_then(|gone| gone.checked_add(LINGER));
        let search = self.seeker.next_deadline();
        let next = [linger, search, self.session.next_deadline()]
            .into_iter()
            .flatten()
            .min()?;
        Some(next.saturating_duration_since(now))
    }

    fn search_ended(&mut self, now: Instant) {
        match self.seeker.outcome(now) {
            None => {}
            Some(Err(failure)) => {
                self.say_once(&failure.fault);
                let effects = self.session.daemon_missing(failure.fault, failure.settled);
                self.carry_out(effects, now);
                if self.session.has_held() {
                    self.seeker.hurry(now);
                }
            }
            Some(Ok(greeted)) => {
                let mut framer = Framer::new(LINE_MAX_BYTES);
                framer.push(&greeted.rest);
                if let Err(error) = greeted.stream.set_nonblocking(true) {
                    say::to_person(&format!("the daemon's socket: {error}"));
                    return self.seeker.lost(now);
                }
                let outbox = Outbox::default();
                self.daemon = Some(Daemon {
                    stream: greeted.stream,
                    framer,
                    outbox,
                });
                let effects = self.session.daemon_up();
                self.carry_out(effects, now);
                self.hear_daemon(now);
            }
        }
    }

    /// Tells a person why there is no daemon, once a reason.
    fn say_once(&mut self, fault: &Fault) {
        if self.last_said != fault.message {
            say::to_person(&replies::words(fault));
            self.last_said.clone_from(&fault.message);
        }
    }

    fn read_client(&mut self, now: Instant) -> io::Result<()> {
        let mut chunk = [0; READ_BYTES];
        match self.stdin.file.read(&mut chunk) {
            Ok(0) => self.stdin.gone_at = Some(now),
            Ok(read) => self
                .stdin
                .framer
                .push(chunk.get(..read).unwrap_or_default()),
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        while let Some(frame) = self.stdin.framer.next_frame() {
            let effects = self.session.client_said(frame, now);
            self.carry_out(effects, now);
        }
        if self.stdin.gone_at.is_some()
            && let Some(frame) = self.stdin.framer.last()
        {
            // A client that writes no last newline still means its line.
            let effects = self.session.client_said(frame, now);
            self.carry_out(effects, now);
        }
        Ok(())
    }

    fn read_daemon(&mut self, now: Instant) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let mut chunk = [0; READ_BYTES];
        match daemon.stream.read(&mut chunk) {
            Ok(0) => return self.daemon_lost(now),
            Ok(read) => daemon.framer.push(chunk.get(..read).unwrap_or_default()),
            Err(error) if is_for_later(&error) => return,
            Err(_) => return self.daemon_lost(now),
        }
        self.hear_daemon(now);
    }

    fn hear_daemon(&mut self, now: Instant) {
        while let Some(frame) = self
            .daemon
            .as_mut()
            .and_then(|daemon| daemon.framer.next_frame())
        {
            let effects = self.session.daemon_said(frame, now);
            self.carry_out(effects, now);
        }
    }

    fn write_daemon(&mut self, now: Instant) {
        let Some(daemon) = &mut self.daemon else {
            return;
        };
        let Daemon { stream, outbox, .. } = daemon;
        if outbox.is_empty() {
            return;
        }
        // An answer may lie unread behind a broken pipe: reading tells the end.
        if outbox.write(|bytes| stream.write(bytes)).is_err() {
            self.read_daemon(now);
            if let Some(daemon) = &mut self.daemon {
                daemon.outbox = Outbox::default();
            }
        }
    }

    fn daemon_lost(&mut self, now: Instant) {
        self.daemon = None;
        let effects = self.session.daemon_lost(now);
        self.carry_out(effects, now);
        self.seeker.lost(now);
    }

    fn carry_out(&mut self, effects: Vec<Effect>, now: Instant) {
        for effect in effects {
            match effect {
                Effect::ToClient(line) => self.to_client.push(line),
                Effect::ToDaemon(line) => {
                    if let Some(daemon) = &mut self.daemon {
                        daemon.outbox.push(line);
                    }
                }
                Effect::Look => self.seeker.hurry(now),
                Effect::Note(words) => say::to_person(&words),
                Effect::Drop(fault) => {
                    self.say_once(&fault);
                    self.daemon = None;
                    self.seeker.refused(now);
                    // A token can be older than the daemon for a moment; other
                    // reasons stay.
                    let settled = fault.code != Code::Denied;
                    let more = self.session.daemon_missing(fault, settled);
                    self.carry_out(more, now);
                }
            }
        }
    }
}

fn read_unless(full: bool) -> PollFlags {
    if full {
        PollFlags::empty()
    } else {
        PollFlags::IN
    }
}

fn write_unless(empty: bool) -> PollFlags {
    if empty {
        PollFlags::empty()
    } else {
        PollFlags::OUT
    }
}
