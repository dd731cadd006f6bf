//! The rows of the sessions' tools.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::{Core, Ssh};

pub(in crate::tools) const CONNECT: Row = Row::connect(
    Core,
    Record,
    "Open SSH session",
    "Opens a session under an id of yours, or returns the living one (reused). \
     An alias of ssh_config needs no spec. persistent brings it back at every \
     daemon start. A failed first connect leaves nothing behind.",
)
.adding();

pub(in crate::tools) const DISCONNECT: Row = Row::connect(
    Core,
    Text,
    "Close SSH session",
    "Ends a session for good with its shells, forwards and jobs; persistent ones \
     too. Durable shells and jobs stay on the host unless end_durable.",
);

pub(in crate::tools) const LIST: Row = Row::read(
    Core,
    Rows,
    "List SSH sessions",
    "Lists sessions, one row each. Look here for an id to reuse before ssh_connect.",
)
.inside();

pub(in crate::tools) const INFO: Row = Row::read(
    Core,
    Record,
    "Show SSH session",
    "One session in full: why it is down, host key, latency, next retry, and what \
     of it survives.",
)
.inside();

pub(in crate::tools) const RECONNECT: Row = Row::connect(
    Ssh,
    Record,
    "Reconnect SSH session",
    "Drops a session's link and dials again with the same spec, or retries at once \
     instead of waiting. Plain shells and running commands end. Not needed for a \
     dropped session: the next call re-dials it.",
);

pub(in crate::tools) const CLONE: Row = Row::connect(
    Ssh,
    Record,
    "Clone SSH session",
    "Opens a second session with the spec of another under a new id, credentials \
     held in memory included. For a link of its own beside heavy traffic.",
)
.adding();

pub(in crate::tools) const HOSTS: Row = Row::read(
    Core,
    Rows,
    "List ssh_config hosts",
    "The aliases that the user's ssh_config names; any of them is an id for \
     ssh_connect without a spec.",
)
.inside();
