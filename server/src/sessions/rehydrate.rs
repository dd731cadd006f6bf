//! Bringing sessions back at the daemon's start: all at once, each one's fate
//! apart, nothing forgotten.

use std::path::PathBuf;
use std::sync::PoisonError;

use storage::state::SavedSession;

use super::registry::{Begin, Sessions};
use super::view::Phase;

/// How the sessions that were brought back do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RehydrationSum {
    /// All of them that are still wanted.
    pub total: u64,
    /// Those that are up.
    pub up: u64,
    /// Those that are still tried.
    pub pending: u64,
    /// Those that need a person.
    pub failed: u64,
}

impl Sessions {
    /// Starts a task for every saved session and returns at once.
    pub fn rehydrate(&self, saved: Vec<SavedSession>) {
        let mut rehydrated = self
            .rehydrated
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for one in saved {
            let session = self.begin(Begin {
                id: one.id.clone(),
                spec: one.spec,
                secret_gone: one.lacks_inline_secret,
                opened_by: one.opened_by,
                agent: one.agent_socket.map(PathBuf::from),
                rehydrated: true,
            });
            self.around.followers.attach(&session);
            self.lock().insert(one.id.clone(), session);
            rehydrated.push(one.id);
        }
    }

    /// How the sessions that were brought back do now.
    pub fn rehydration(&self) -> RehydrationSum {
        let rehydrated = self
            .rehydrated
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let by_id = self.lock();
        let mut sum = RehydrationSum::default();
        for session in rehydrated.iter().filter_map(|id| by_id.get(id)) {
            sum.total += 1;
            match session.view().phase {
                Phase::Connected => sum.up += 1,
                Phase::Connecting | Phase::Reconnecting | Phase::Disconnected => sum.pending += 1,
                Phase::NeedsAuth | Phase::HostKeyChanged => sum.failed += 1,
            }
        }
        sum
    }
}
