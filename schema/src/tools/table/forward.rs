//! The rows of the port forwards' tools.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::Forward;

pub(in crate::tools) const LOCAL: Row = Row::change(
    Forward,
    Record,
    "Forward local port",
    "Listens on this machine and reaches a TCP port or Unix socket from the host, \
     as ssh -L. It stays while the session reconnects and comes back with a persistent \
     one. bind_port in the result is the real one.",
)
.adding();

pub(in crate::tools) const REMOTE: Row = Row::change(
    Forward,
    Record,
    "Forward remote port",
    "Lets the host listen and reaches a port of this side, as ssh -R. Asked for \
     again after each reconnect. Beyond loopback only where sshd has GatewayPorts.",
)
.adding();

pub(in crate::tools) const DYNAMIC: Row = Row::change(
    Forward,
    Record,
    "Open SOCKS5 proxy",
    "Listens on this machine as a SOCKS5 proxy through the host, as ssh -D; names \
     resolve on the far side. For a single target use ssh_forward_local.",
)
.adding();

pub(in crate::tools) const LIST: Row = Row::read(
    Forward,
    Rows,
    "List forwards",
    "Lists forwards with their real ports, state, counters and last error.",
)
.inside();

pub(in crate::tools) const CANCEL: Row = Row::change(
    Forward,
    Text,
    "Cancel forward",
    "Ends a forward and its connections, for good also with a persistent session.",
)
.idempotent();
