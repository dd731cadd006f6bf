//! The rows of commands, jobs and their output.

use super::row::Answer::{Record, Rows};
use super::row::Row;
use super::row::Toolset::Core;

pub(in crate::tools) const EXEC: Row = Row::change(
    Core,
    Record,
    "Run command over SSH",
    "Runs one command; each call is a fresh shell, so for state (cd, sudo, a REPL) \
     use ssh_shell_*. What outlasts timeout_ms answers state running with a job_id \
     and goes on: follow it with job_wait, never start it again. Long output is cut \
     in the middle; output_read has all of it.",
);

pub(in crate::tools) const LIST: Row = Row::read(
    Core,
    Rows,
    "List jobs",
    "Lists work that runs or ended lately, with its job_id. Look here after a lost \
     answer before starting anything again.",
)
.inside();

pub(in crate::tools) const WAIT: Row = Row::read(
    Core,
    Record,
    "Wait for job",
    "Waits for a job and returns its result with the output since the last such \
     call. Call it until state is not running; to look again use output_read.",
)
.consuming();

pub(in crate::tools) const CANCEL: Row = Row::change(
    Core,
    Record,
    "Cancel job",
    "Stops a running job with a signal. Its output so far stays readable.",
)
.idempotent();

pub(in crate::tools) const OUTPUT_READ: Row = Row::read(
    Core,
    Record,
    "Read kept output",
    "Reads the kept output of a job or a history record, give exactly one: a range, \
     the last lines, or lines that match a regex. Repeatable; kept for 7 days.",
)
.inside();
