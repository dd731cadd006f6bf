//! The daemon itself: `status` and `snapshot`.

use serde::{Deserialize, Serialize};

use super::docker::HostRow;
use super::forward::ForwardInfo;
use super::job::JobRow;
use super::session::SessionRow;
use super::shell::ShellInfo;

/// Result of `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The daemon's version.
    pub version: String,
    /// Since its start, in Go's syntax.
    pub uptime: String,
    /// Its process id.
    pub pid: u32,
    /// The absolute path of its state database.
    pub state_path: String,
    /// Every session.
    pub sessions: Vec<SessionRow>,
    /// Every Docker host.
    pub hosts: Vec<HostRow>,
    /// Every forward.
    pub forwards: Vec<ForwardInfo>,
    /// Every shell, of sessions and of containers.
    pub shells: Vec<ShellInfo>,
    /// Work that runs or whose output is kept.
    pub jobs: Vec<JobRow>,
    /// How far what was persistent came back.
    pub rehydration: Rehydration,
    /// The audit log.
    pub audit: AuditStatus,
    /// What all data together use.
    pub disk_bytes: u64,
    /// The daemon's resident memory.
    pub memory_bytes: u64,
    /// Tasks of its runtime.
    pub tasks: u64,
    /// A newer version waits to take over.
    pub upgrade_pending: bool,
}

/// The fates of the specs that a start brought back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rehydration {
    /// How many there were.
    pub total: u64,
    /// How many are up.
    pub up: u64,
    /// How many are still tried.
    pub pending: u64,
    /// How many wait for a person.
    pub failed: u64,
}

/// The audit log's size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AuditStatus {
    /// How many records it has.
    pub records: u64,
    /// When the oldest one was written; empty without any.
    pub oldest: String,
}

/// Result of `snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Always true: every acknowledged change is durable already.
    pub saved: bool,
    /// The absolute path of the state database.
    pub path: String,
}
