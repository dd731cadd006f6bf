//! The rows of persistent shells, on sessions and in containers.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::{Core, Docker, Ssh};

pub(in crate::tools) const SSH_OPEN: Row = Row::change(
    Core,
    Record,
    "Open SSH shell",
    "Opens a terminal that keeps its state between calls. Then ssh_shell_run for \
     commands, ssh_shell_write and _read for programs that ask (sudo, REPLs, vim).",
)
.adding();

pub(in crate::tools) const SSH_RUN: Row = Row::change(
    Core,
    Record,
    "Run line in SSH shell",
    "Types a line into a living shell and returns output, exit code and folder. \
     state waiting_for_input: answer with ssh_shell_write; running: ssh_shell_read.",
);

pub(in crate::tools) const SSH_WRITE: Row = Row::change(
    Core,
    Record,
    "Type into SSH shell",
    "Types data, or a keyring secret, as it is: keys, answers, control characters \
     (\\u0003 is Ctrl-C). For whole commands ssh_shell_run is simpler.",
);

pub(in crate::tools) const SSH_READ: Row = Row::read(
    Core,
    Record,
    "Read SSH shell",
    "Returns output since the last read, waiting for some; from a cursor it is \
     repeatable. view screen shows full-screen programs.",
)
.consuming();

pub(in crate::tools) const SSH_RESIZE: Row = Row::change(
    Ssh,
    Text,
    "Resize SSH shell",
    "Sets a shell's terminal size, 1 to 1000 each.",
)
.adding()
.idempotent();

pub(in crate::tools) const SSH_CLOSE: Row = Row::change(
    Core,
    Text,
    "Close SSH shell",
    "Ends a shell and what runs in it, a durable one too.",
)
.idempotent();

pub(in crate::tools) const SSH_LIST: Row = Row::read(
    Core,
    Rows,
    "List SSH shells",
    "Lists shells, also ended ones that are still readable.",
)
.inside();

pub(in crate::tools) const DOCKER_OPEN: Row = Row::change(
    Docker,
    Record,
    "Open container shell",
    "Opens a terminal in a container that keeps its state between calls. For single \
     commands docker_exec is simpler. It ends with the daemon or the container.",
)
.adding();

pub(in crate::tools) const DOCKER_RUN: Row = Row::change(
    Docker,
    Record,
    "Run line in container shell",
    "Types a line into a living shell and returns output, exit code and folder, or \
     that it still runs or waits for input.",
);

pub(in crate::tools) const DOCKER_WRITE: Row = Row::change(
    Docker,
    Record,
    "Type into container shell",
    "Types data, or a keyring secret, as it is. For whole commands docker_shell_run \
     is simpler.",
);

pub(in crate::tools) const DOCKER_READ: Row = Row::read(
    Docker,
    Record,
    "Read container shell",
    "Returns output since the last read, waiting for some; from a cursor it is \
     repeatable. view screen shows full-screen programs.",
)
.consuming();

pub(in crate::tools) const DOCKER_RESIZE: Row = Row::change(
    Docker,
    Text,
    "Resize container shell",
    "Sets a shell's terminal size, 1 to 1000 each.",
)
.adding()
.idempotent();

pub(in crate::tools) const DOCKER_CLOSE: Row = Row::change(
    Docker,
    Text,
    "Close container shell",
    "Ends a container shell and what runs in it.",
)
.idempotent();

pub(in crate::tools) const DOCKER_LIST: Row = Row::read(
    Docker,
    Rows,
    "List container shells",
    "Lists container shells, also ended ones that are still readable.",
)
.inside();
