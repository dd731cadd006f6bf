//! The rows of the history's tools.

use super::row::Answer::{Record, Rows};
use super::row::Row;
use super::row::Toolset::Core;

pub(in crate::tools) const HISTORY: Row = Row::read(
    Core,
    Rows,
    "Search history",
    "Every call of every client, newest first; arguments filter. Look here when an \
     outcome is unknown or to learn how something was done before.",
)
.inside();

pub(in crate::tools) const SHOW: Row = Row::read(
    Core,
    Record,
    "Show history record",
    "One record in full: arguments without secrets, outcome, beginning and end of \
     its output. output_read with its seq has the rest.",
)
.inside();

pub(in crate::tools) const REPLAY: Row = Row::change(
    Core,
    Rows,
    "Replay history",
    "Repeats recorded calls (seq, or from and to, or seqs), also on another target. \
     Only shows them unless dry_run is false.",
);

pub(in crate::tools) const VERIFY: Row = Row::read(
    Core,
    Record,
    "Verify history",
    "Checks the chain of the audit log and names the first record that was edited, \
     removed or reordered.",
)
.inside();
