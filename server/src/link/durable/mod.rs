//! A job that outlives link and daemon: its host's side, in POSIX sh, and what
//! that says. Each script is fed on stdin and answers on stdout. Nothing here
//! knows of channels.
//!
//! The job MARK has the folder `~/.local/state/remote-shell-mcp/jobs/MARK`:
//!
//! | file | what is in it |
//! | --- | --- |
//! | `holder.sh` | what waits for the command |
//! | `command`, `stdin` | removed once they are open, since secrets may be in them |
//! | `started` | a folder, made by the one start that runs the command |
//! | `holder` | `PID BOOT START NODE` of what waits for the command's end; without it, the command never ran |
//! | `pid` | `PID BOOT START` of the command's session leader |
//! | `stdout`, `stderr` | what it wrote; they only grow |
//! | `exit` | its status, renamed into place; then nothing waits any more |

mod answer;
mod follow;
mod frame;
mod greeting;
mod mark;
#[cfg(test)]
mod mishaps;
#[cfg(test)]
mod on_this_host;
mod signal;
mod start;
mod status;
#[cfg(test)]
pub(super) mod trial;

pub(super) use answer::{Answer, AnswerParser};
pub(super) use follow::{DONE, follow_script};
pub(super) use frame::{Frame, FrameParser};
pub(super) use greeting::{Errand, Garbled};
pub use mark::Mark;
pub(super) use signal::signal_script;
pub(super) use start::{Start, Unsendable, export, start_script, whole};
pub use status::signal_of_status;

/// What every script begins with.
pub(super) const IDENTITY: &str = include_str!("identity.sh");
