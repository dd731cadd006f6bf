//! How many dials go on at once: few to one host, so that its sshd takes them
//! all, and few handshakes over all, so that a start does not drown itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::address::Address;

/// Connections to one address that are not authenticated yet: below sshd's
/// default `MaxStartups 10`, above which it refuses some (FAULTS 32).
const AT_HOST_MAX: usize = 8;

/// Handshakes at once in one daemon, of hosts that answer.
const HANDSHAKES_MAX: usize = 16;

/// What all dials of a daemon share. A cheap handle.
#[derive(Debug, Clone)]
pub struct DialLimits {
    handshakes: Arc<Semaphore>,
    at_hosts: Arc<Mutex<HashMap<Address, Weak<Semaphore>>>>,
}

/// Held while a dial goes on. None only if a semaphore were closed, which
/// nobody does.
pub(super) type Slot = Option<OwnedSemaphorePermit>;

impl Default for DialLimits {
    fn default() -> Self {
        Self {
            handshakes: Arc::new(Semaphore::new(HANDSHAKES_MAX)),
            at_hosts: Arc::default(),
        }
    }
}

impl DialLimits {
    /// Waits for a place at this host, in the order of asking.
    pub(super) async fn at_host(&self, address: &Address) -> Slot {
        let places = self.places(address);
        places.acquire_owned().await.ok()
    }

    /// Waits for the turn to shake hands.
    pub(super) async fn handshake(&self) -> Slot {
        Arc::clone(&self.handshakes).acquire_owned().await.ok()
    }

    fn places(&self, address: &Address) -> Arc<Semaphore> {
        let mut at_hosts = self.at_hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(places) = at_hosts.get(address).and_then(Weak::upgrade) {
            return places;
        }
        at_hosts.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Semaphore::new(AT_HOST_MAX));
        at_hosts.insert(address.clone(), Arc::downgrade(&places));
        places
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_host_has_eight_places_and_another_its_own() {
        let limits = DialLimits::default();
        let (web, db) = ("web".parse().unwrap(), "db".parse().unwrap());
        let mut held = Vec::new();
        for _ in 0..AT_HOST_MAX {
            held.push(limits.at_host(&web).await);
        }
        assert!(limits.at_host(&web).now_or_never().is_none());
        assert!(limits.at_host(&db).now_or_never().is_some());
        held.pop();
        assert!(limits.at_host(&web).now_or_never().is_some());
        drop(held);
        assert!(limits.at_host(&db).now_or_never().is_some());
    }
}
