//! The bounds that more than one crate must agree on, each with its unit and
//! its reason. A bound that only one room needs stands in that room.

use std::time::Duration;

/// An id's length. Long enough for any name, short enough for a row of a list.
pub const ID_MAX_BYTES: usize = 128;

/// One JSON-RPC line, either way. rmcp gives no answer to longer ones, so the
/// framer refuses them first (FAULTS 39).
pub const LINE_MAX_BYTES: usize = 16 << 20;

/// One hello line; a real one has under 2 KiB.
pub const HELLO_MAX_BYTES: usize = 64 << 10;

/// A result to a model, measured after encoding.
pub const RESULT_MAX_BYTES: usize = 40_000;

/// An error's text to a model.
pub const ERROR_MAX_BYTES: usize = 8_000;

/// A result to the command line and to `/rpc`, where no model reads it.
pub const RESULT_UNBOUNDED_BYTES: usize = 64 << 20;

/// Requests of one client that may wait for an answer at once; the next is
/// answered `busy`.
pub const IN_FLIGHT_MAX: usize = 128;

/// How long a bridge waits for a daemon's hello before it says that the daemon
/// hangs (FAULTS 13).
pub const HELLO_WAIT: Duration = Duration::from_secs(5);

/// What a caller that names no `timeout_ms` waits for.
pub const CALL_TIMEOUT_MS: u64 = 30_000;

/// What a caller waits for at most.
pub const CALL_TIMEOUT_MAX_MS: u64 = 3_600_000;

/// What `job_wait` waits for when its caller names nothing.
pub const JOB_WAIT_MS: u64 = 25_000;

/// How long a call waits for a session that is not up, at most.
pub const SESSION_WAIT: Duration = Duration::from_secs(15);

/// How long a stopping daemon lets calls end (FAULTS 22).
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a refusing daemon stays for a client that wants to know why.
pub const REFUSING_STAY: Duration = Duration::from_secs(30);
