//! The Go program's daemon: recognised here, and told about. Taking its
//! sessions over belongs here too and is not in this version.

use rustix::process::Pid;
use schema::handle::Handle;
use schema::{Code, Fault};

/// The Go daemon's process name, as far as the system keeps it (15 bytes).
#[cfg(target_os = "linux")]
const NAME: &str = "remote-shell-mc";

/// Whether the daemon that wrote that handle, which names no socket, runs.
pub(crate) fn lives(handle: &Handle) -> bool {
    let pid = i32::try_from(handle.pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok()) && is_ours(handle.pid)
}

/// What is said while it runs.
pub(crate) fn in_the_way(handle: &Handle) -> Fault {
    Fault::new(
        Code::Unavailable,
        format!(
            "a daemon of the older Go program runs (pid {}) and this bridge cannot use it",
            handle.pid
        ),
    )
    .next(format!(
        "end it with `kill {}`; the next call starts the new daemon, which imports its state",
        handle.pid
    ))
}

/// A handle can outlive its daemon and the number can be another's by now.
#[cfg(target_os = "linux")]
fn is_ours(pid: u32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with(NAME))
}

#[cfg(not(target_os = "linux"))]
fn is_ours(_pid: u32) -> bool {
    true
}
