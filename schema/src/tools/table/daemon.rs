//! The rows of the daemon's tools.

use super::row::Answer::Record;
use super::row::Row;
use super::row::Toolset::{Core, Ssh};

pub(in crate::tools) const STATUS: Row = Row::read(
    Core,
    Record,
    "Show everything",
    "All sessions, Docker hosts, forwards, shells and jobs with the daemon's \
     health. A good first call; ssh_list is shorter.",
)
.inside();

pub(in crate::tools) const SNAPSHOT: Row = Row::read(
    Ssh,
    Record,
    "Confirm saved state",
    "Confirms that every acknowledged change is on disk. Nothing needs it: changes \
     are saved before they are answered.",
)
.inside();
