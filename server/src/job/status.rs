//! What a job is begun with, and where it stands.

use std::time::{Duration, SystemTime};

use schema::Fault;
use schema::tools::job::JobState;

use crate::link::LinkError;

/// What a job is begun with.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// The tool that started it.
    pub tool: &'static str,
    /// The session, or the Docker host and container.
    pub target: String,
    /// What it runs.
    pub command: String,
    /// Keep control sequences in results.
    pub raw: bool,
    /// The time of day.
    pub started_at: SystemTime,
    /// The number of its call in history.
    pub seq: Option<u64>,
    /// It outlives its link and the daemon.
    pub is_durable: bool,
}

/// Where a job stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Whether and how it ended.
    pub state: JobState,
    /// Present when it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it; empty for none.
    pub signal: String,
    /// Why nobody knows how it ended; empty when somebody does.
    pub lost_reason: String,
    /// Variables that could not be set.
    pub env_refused: Vec<String>,
    /// Present when it never started, then the state is `lost`; and when work of the
    /// daemon's own did not come to its end.
    pub failed: Option<Fault>,
    /// It was told to end and did not.
    pub survived: bool,
    /// From its start to its end; none while it runs.
    pub took: Option<Duration>,
}

impl Status {
    /// Nobody knows how it ended, and why not.
    pub(super) fn lost(reason: String) -> Self {
        Self {
            state: JobState::Lost,
            lost_reason: reason,
            ..Self::running()
        }
    }

    /// It never started: that is certain, so a caller may try again.
    pub(super) fn not_started(error: &LinkError, new: &NewJob) -> Self {
        let message = format!(
            "{} on {} did not start: {}",
            new.tool,
            new.target,
            Fault::chain(error)
        );
        let fault = Fault::new(error.code(), message).next(error.next_step());
        Self {
            failed: Some(fault),
            ..Self::lost(String::new())
        }
    }

    /// Of what has only begun.
    pub(super) fn running() -> Self {
        Self {
            state: JobState::Running,
            exit_code: None,
            signal: String::new(),
            lost_reason: String::new(),
            env_refused: Vec::new(),
            failed: None,
            survived: false,
            took: None,
        }
    }
}
