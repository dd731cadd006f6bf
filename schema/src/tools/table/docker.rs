//! The rows of Docker hosts and containers.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::Docker;

pub(in crate::tools) const CONNECT: Row = Row::connect(
    Docker,
    Record,
    "Connect Docker host",
    "Connects an engine under an id of yours: a local socket, tcp with TLS, over \
     ssh://, or through a session (session:ID). The user's own engine needs none: \
     it is host_id local.",
)
.adding();

pub(in crate::tools) const DISCONNECT: Row = Row::connect(
    Docker,
    Text,
    "Disconnect Docker host",
    "Forgets a Docker host, a persistent one too, and ends its shells. Containers \
     go on.",
);

pub(in crate::tools) const LIST_HOSTS: Row = Row::read(
    Docker,
    Rows,
    "List Docker hosts",
    "Lists connected Docker hosts. For what runs there use docker_containers.",
)
.inside();

pub(in crate::tools) const CONTAINERS: Row = Row::read(
    Docker,
    Rows,
    "List containers",
    "Lists running containers, as docker ps; all adds stopped ones.",
);

pub(in crate::tools) const INSPECT: Row = Row::read(
    Docker,
    Record,
    "Inspect container",
    "The engine's whole object of one container. Large: for state and ports \
     docker_containers is enough.",
);

pub(in crate::tools) const START: Row = Row::change(
    Docker,
    Text,
    "Start container",
    "Starts a stopped container. For a new one use docker_run.",
)
.adding()
.idempotent();

pub(in crate::tools) const STOP: Row = Row::change(
    Docker,
    Text,
    "Stop container",
    "Stops a container in good order, and kills it after timeout_sec.",
)
.idempotent();

pub(in crate::tools) const RESTART: Row = Row::change(
    Docker,
    Text,
    "Restart container",
    "Stops a container, killing it after timeout_sec, and starts it again.",
);

pub(in crate::tools) const KILL: Row = Row::change(
    Docker,
    Text,
    "Kill container",
    "Sends a signal to a container's main process. To end it in good order use \
     docker_container_stop.",
);

pub(in crate::tools) const REMOVE: Row = Row::change(
    Docker,
    Text,
    "Remove container",
    "Removes a stopped container with what was written in it; force also a running \
     one.",
)
.idempotent();

pub(in crate::tools) const LOGS: Row = Row::read(
    Docker,
    Text,
    "Read container logs",
    "What a container wrote, in the order written. Give tail or since: logs are \
     long.",
);

pub(in crate::tools) const EXEC: Row = Row::change(
    Docker,
    Record,
    "Run command in container",
    "Runs one program in a running container, without a shell. state running \
     with a job_id: it goes on; follow it with job_wait, never start it again. For \
     state between commands use docker_shell_open.",
);

pub(in crate::tools) const RUN: Row = Row::change(
    Docker,
    Record,
    "Run new container",
    "Creates and starts a container, always detached; a container that cannot \
     start is removed again. Then docker_container_logs or docker_exec. A long \
     pull goes on as a job.",
)
.adding();
