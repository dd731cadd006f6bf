//! A command as it is asked for, told, and heard of.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::connection::Connection;

/// A command to run.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    /// Sent byte for byte when there is neither `env` to feed nor `cwd`.
    pub command: String,
    /// Set by SSH's own request, else fed on stdin.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in; the login folder when absent.
    pub cwd: Option<String>,
    /// Fed, then end of file; at once when absent.
    pub stdin: Option<Vec<u8>>,
    /// The caller's agent: lent to the host while the command runs, where the
    /// session forwards agents.
    pub agent: Option<PathBuf>,
}

/// Where output came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes output as it comes; never waits.
pub trait OutputSink: Sync {
    /// The command was sent: from here on it may have run.
    fn sent(&self);

    /// `bytes` are the next of `stream`.
    fn write(&self, stream: Stream, bytes: &[u8]);
}

/// How a command is ended: a signal first, KILL after a grace period, and then
/// the channel is closed.
#[derive(Debug, Clone)]
pub struct Kill {
    /// The first signal, without `SIG`.
    pub signal: String,
    /// A connection of the same session that has a place for looking the
    /// command's processes up; its own where there is none. Where a name leads to
    /// several hosts it may be another's, and then finds nothing.
    pub through: Option<Arc<Connection>>,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Present when it exited.
    pub exit_code: Option<i64>,
    /// Present when a signal ended it, without `SIG`.
    pub signal: Option<String>,
    /// Present when the link was lost, or the server never said: whether it
    /// ran to its end is unknown.
    pub lost: Option<String>,
    /// Names of variables that could not be set.
    pub env_refused: Vec<String>,
    /// It was told to end and did not: it may still run on the host.
    pub survived: bool,
}
