//! What all forwards of a daemon share.

use std::path::PathBuf;
use std::sync::Arc;

use storage::state::StateStore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::budget::Budget;
use super::places::Places;
use crate::clock::Clock;

/// Forwards at once.
pub const FORWARDS_MAX: usize = 1_000;

/// What forwards take from around them.
#[derive(Debug, Clone)]
pub struct ForwardRoom {
    pub(super) store: StateStore,
    pub(super) clock: Clock,
    /// Every task of a forward is joined here.
    pub(super) tasks: TaskTracker,
    /// Ends every forward when the daemon stops.
    pub(super) stopping: CancellationToken,
    pub(super) budget: Arc<Budget>,
    pub(super) places: Places,
}

impl ForwardRoom {
    /// `overflow` is a folder of our own in which what slow readers have not taken
    /// may be written.
    pub fn new(
        store: StateStore,
        clock: Clock,
        (tasks, stopping): (TaskTracker, CancellationToken),
        overflow: PathBuf,
    ) -> Self {
        Self {
            store,
            clock,
            tasks,
            stopping,
            budget: Arc::new(Budget::new(overflow)),
            places: Places::new(),
        }
    }
}
