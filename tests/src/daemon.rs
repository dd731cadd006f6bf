//! The daemon as the handle of a home names it, and what may be done to it.

use std::path::Path;
use std::time::Duration;

use schema::handle::Handle;

use crate::process::{self, Signal};
use crate::until::{SOON, until_true};

/// One run of the daemon.
#[derive(Debug, Clone)]
pub struct Daemon {
    handle: Handle,
}

impl Daemon {
    /// The one that the handle file names, living or not.
    pub fn of(handle: &Path) -> Option<Self> {
        let text = std::fs::read_to_string(handle).ok()?;
        serde_json::from_str(&text)
            .ok()
            .map(|handle| Self { handle })
    }

    /// What the handle says.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.handle.pid
    }

    /// Whether it runs, and is what the handle says.
    pub fn is_alive(&self) -> bool {
        process::is_alive(self.pid()) && process::name(self.pid()).starts_with("remote-shell-mcp")
    }

    /// kill -9, gone when this returns.
    pub fn kill(&self) {
        self.signal(Signal::KILL);
        self.wait_gone(SOON);
    }

    /// SIGTERM.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// SIGSTOP.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// SIGCONT.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Waits until it is gone, and with it what it had open. A process that
    /// ends has no name any more while its sockets are open still, so only its
    /// number is looked at.
    pub fn wait_gone(&self, limit: Duration) {
        let is_gone = || !process::is_alive(self.pid());
        until_true("the daemon is gone", limit, is_gone);
    }

    /// Its resident memory in KiB.
    pub fn rss_kib(&self) -> u64 {
        process::rss_kib(self.pid())
    }

    fn signal(&self, signal: Signal) {
        if self.is_alive() {
            process::signal(self.pid(), signal);
        }
    }
}
