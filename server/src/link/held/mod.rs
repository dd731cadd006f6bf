//! A shell that outlives link and daemon: its host's side, in POSIX sh. It lives
//! under a holder (tmux, screen, dtach or abduco), which keeps its terminal; what
//! it prints is recorded beside that, byte for byte, whatever the holder makes of
//! it. Nothing here knows of channels.
//!
//! The shell MARK has the folder `~/.local/state/remote-shell-mcp/shells/MARK`:
//!
//! | file | what is in it |
//! | --- | --- |
//! | `inner.sh`, `recorder.sh`, `setup` | what runs in the terminal (it goes at once, since secrets may be in it), what records it, the holder's settings |
//! | `started` | when, in seconds since 1970 |
//! | `label` | the caller's name for it, for a person |
//! | `holder` | `KIND NAME`: `tmux rsmcp-MARK`, say |
//! | `go` | what records listens, so the shell may begin |
//! | `pid` | `PID BOOT START NODE` of what waits in the terminal for the shell's end |
//! | `out.N` | what it printed, from byte N on; the oldest go when there are over 8 MiB |
//! | `recorded`, `exit` | how much that was, and the shell's status |

mod ending;
#[cfg(test)]
mod on_this_host;
mod rows;
mod scripts;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod trial;
#[cfg(test)]
mod typed;

pub(super) use ending::Ending;
pub(super) use rows::rows;
pub use rows::{Left, LeftKind};
pub(super) use scripts::{
    HeldScript, attach_command, end_script, held_script, list_script, remove_job_script,
    watch_script,
};
