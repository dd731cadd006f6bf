//! The SSH agents that clients brought: newest first, bounded.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

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

    /// `first`, then the others, newest first.
    pub(super) fn in_order(&self, first: &[PathBuf]) -> Vec<PathBuf> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut order: Vec<PathBuf> = Vec::new();
        for path in first.iter().chain(known.iter()) {
            if !order.contains(path) {
                order.push(path.clone());
            }
        }
        order
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
    fn the_callers_own_agent_comes_first_then_the_newest() {
        let agents = Agents::default();
        for path in ["/a", "/b", "/a"] {
            agents.arrived(path.into());
        }
        let order = agents.in_order(&["/mine".into(), "/b".into()]);
        assert_eq!(order, ["/mine", "/b", "/a"].map(PathBuf::from));
    }
}
