//! Places for connections: each takes a file descriptor here and one on its host. Who
//! comes when there is none waits to be accepted.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::handle::{CONNECTIONS_MAX, Forward};

/// Connections at once through all forwards.
const ALL_MAX: usize = 8_192;

/// The places of a daemon. A cheap handle.
#[derive(Debug, Clone)]
pub(super) struct Places(Arc<Semaphore>);

/// A connection's place; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    _own: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

impl Places {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(ALL_MAX)))
    }

    /// A place for a connection of `forward`, which says so while it waits for one.
    pub(super) async fn take(&self, forward: &Forward) -> Place {
        let own = taken(forward.places(), || {
            forward.failed(format!(
                "it carries {CONNECTIONS_MAX} connections, as many as one forward may; who comes now waits"
            ));
        });
        let own = own.await;
        let of_all = taken(&self.0, || {
            forward.failed(format!(
                "all forwards carry {ALL_MAX} connections, as many as they may; who comes now waits"
            ));
        });
        Place {
            _own: own,
            _of_all: of_all.await,
        }
    }
}

async fn taken(places: &Arc<Semaphore>, wait: impl FnOnce()) -> OwnedSemaphorePermit {
    if let Ok(place) = Arc::clone(places).try_acquire_owned() {
        return place;
    }
    wait();
    match Arc::clone(places).acquire_owned().await {
        Ok(place) => place,
        // Nobody closes them.
        Err(_closed) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_forward_leaves_places_for_others_and_who_waits_is_told_why() {
        let places = Places::new();
        let [first, second, third] = ["a", "b", "c"].map(Forward::idle);
        let mut held = Vec::new();
        for _ in 0..CONNECTIONS_MAX {
            held.push(places.take(&first).now_or_never().unwrap());
        }
        assert!(places.take(&first).now_or_never().is_none());
        let why = first.stands().last_error;
        assert!(why.contains("4096"), "{why}");
        for _ in 0..CONNECTIONS_MAX {
            held.push(places.take(&second).now_or_never().unwrap());
        }
        assert_eq!(second.stands().last_error, "");
        assert!(places.take(&third).now_or_never().is_none());
        let why = third.stands().last_error;
        assert!(why.contains("8192"), "{why}");
        held.clear();
        assert!(places.take(&first).now_or_never().is_some());
    }
}
