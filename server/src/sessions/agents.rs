//! The SSH agents that clients brought: newest first, bounded.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::link::AgentSockets;

/// Agents that are remembered. Each login brings another path, and old ones
/// are dead.
const AGENTS_MAX: usize = 8;

/// The agents. A cheap handle.
#[derive(Debug, Clone)]
pub struct Agents {
    known: Arc<Mutex<VecDeque<PathBuf>>>,
    arrivals: Arc<watch::Sender<u64>>,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            known: Arc::default(),
            arrivals: Arc::new(watch::Sender::new(0)),
        }
    }
}

impl Agents {
    /// A client's hello named this agent.
    pub fn arrived(&self, path: PathBuf) {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.retain(|other| *other != path);
            known.push_front(path);
            known.truncate(AGENTS_MAX);
        }
        self.arrivals.send_modify(|count| *count += 1);
    }

    /// A session's `own`, and beside them what other clients brought, newest
    /// first.
    pub(super) fn beside(&self, own: &[PathBuf]) -> AgentSockets {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let others = known.iter().filter(|path| !own.contains(path));
        AgentSockets {
            own: own.to_vec(),
            remembered: others.cloned().collect(),
        }
    }

    /// Changes at each arrival.
    pub(super) fn arrivals(&self) -> watch::Receiver<u64> {
        self.arrivals.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sessions_own_agents_stay_apart_from_the_others() {
        let agents = Agents::default();
        for path in ["/a", "/b", "/c", "/a"] {
            agents.arrived(path.into());
        }
        let own = ["/mine", "/b"].map(PathBuf::from);
        let sockets = agents.beside(&own);
        assert_eq!(sockets.own, own);
        assert_eq!(sockets.remembered, ["/a", "/c"].map(PathBuf::from));
    }
}
