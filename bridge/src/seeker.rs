//! Searches for the daemon beside the pump: when, how often, and on a thread of
//! its own, since a search blocks.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Child;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use schema::hello::Purpose;
use schema::{Code, Fault};

use crate::config::Config;
use crate::find::{self, Search, Spawn};
use crate::hello::Greeted;
use crate::miss::Failure;

/// Waits before each search after a loss; the last one repeats.
const WAITS_MS: [u64; 5] = [200, 500, 1000, 2000, 5000];

/// Decides when the daemon is looked for and keeps the daemon it started.
#[derive(Debug)]
pub(crate) struct Seeker {
    config: Arc<Config>,
    running: Option<Running>,
    next_at: Option<Instant>,
    failed: usize,
    settled: bool,
    children: Vec<Child>,
}

#[derive(Debug)]
struct Running {
    spawn: Spawn,
    thread: JoinHandle<Search>,
    /// Readable once the thread is about to end.
    wake: UnixStream,
}

impl Seeker {
    /// One that searches at once.
    pub(crate) fn new(config: Arc<Config>, now: Instant) -> Self {
        Self {
            config,
            running: None,
            next_at: Some(now),
            failed: 0,
            settled: false,
            children: Vec::new(),
        }
    }

    /// Becomes readable when a search has ended.
    pub(crate) fn wake(&self) -> Option<&UnixStream> {
        self.running.as_ref().map(|running| &running.wake)
    }

    /// When the next search is due.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.next_at.filter(|_| self.running.is_none())
    }

    /// The daemon went away.
    pub(crate) fn lost(&mut self, now: Instant) {
        self.failed = 0;
        self.settled = false;
        self.schedule(now);
        self.reap();
    }

    /// Somebody waits for the daemon: a settled failure is looked at anew.
    pub(crate) fn hurry(&mut self, now: Instant) {
        if self.settled {
            self.next_at = Some(now);
        }
    }

    /// Starts a search if it is due. A daemon that could not be started is
    /// started again only for somebody who waits.
    pub(crate) fn run_if_due(&mut self, now: Instant, somebody_waits: bool) -> Option<Fault> {
        if self.running.is_some() || self.next_at.is_none_or(|at| at > now) {
            return None;
        }
        self.next_at = None;
        self.reap();
        let may_spawn = somebody_waits || !self.settled;
        let spawn = if may_spawn {
            Spawn::Limited
        } else {
            Spawn::Never
        };
        match self.start(spawn) {
            Ok(running) => {
                self.running = Some(running);
                None
            }
            Err(error) => {
                self.schedule(now);
                Some(Fault::new(
                    Code::Unavailable,
                    format!("cannot look for the daemon: {error}"),
                ))
            }
        }
    }

    /// Takes the ended search's outcome.
    pub(crate) fn outcome(&mut self, now: Instant) -> Option<Result<Greeted, Failure>> {
        let mut running = self.running.take()?;
        let mut byte = [0; 1];
        // Whether it wrote or died: in both cases it ends now.
        drop(running.wake.read(&mut byte));
        let mut outcome = match running.thread.join() {
            Ok(search) => {
                self.children.extend(search.child);
                search.outcome
            }
            Err(_) => Err(Failure {
                fault: Fault::new(Code::Internal, "the search for the daemon broke off"),
                settled: true,
                absent: false,
            }),
        };
        if let Err(failure) = &mut outcome {
            self.settled = failure.settled;
            self.schedule(now);
            // It was not allowed to start one; who came to wait meanwhile has
            // a search of their own coming.
            failure.settled &= running.spawn != Spawn::Never;
        } else {
            self.settled = false;
            self.failed = 0;
        }
        Some(outcome)
    }

    /// The daemon refused after the hello.
    pub(crate) fn refused(&mut self, now: Instant) {
        self.schedule(now);
    }

    fn schedule(&mut self, now: Instant) {
        let wait_ms = WAITS_MS
            .get(self.failed)
            .or(WAITS_MS.last())
            .copied()
            .unwrap_or_default();
        self.failed = self.failed.saturating_add(1);
        self.next_at = now.checked_add(Duration::from_millis(wait_ms));
    }

    fn start(&self, spawn: Spawn) -> std::io::Result<Running> {
        let (wake, mut done) = UnixStream::pair()?;
        let config = Arc::clone(&self.config);
        let thread = std::thread::Builder::new()
            .name("seeker".into())
            .spawn(move || {
                let search = find::find(&config, Purpose::Mcp, spawn);
                // Nobody reads any more when the bridge is ending.
                drop(done.write_all(b"!"));
                search
            })?;
        Ok(Running {
            spawn,
            thread,
            wake,
        })
    }

    /// Leaves no zombie of a daemon that this bridge had started.
    fn reap(&mut self) {
        self.children
            .retain_mut(|child| matches!(child.try_wait(), Ok(None)));
    }
}
