//! Who reads a file in order to write it has it for itself meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

/// A file on a host.
type Place = (String, Vec<u8>);

/// The turns at all files that are being written.
#[derive(Debug, Clone, Default)]
pub struct Turns(Arc<Mutex<HashMap<Place, Weak<tokio::sync::Mutex<()>>>>>);

impl Turns {
    /// Waits for the turn at the file `path`, links resolved, of `host`; it ends with
    /// what this returns.
    pub(super) async fn at(&self, host: &str, path: &[u8]) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let place = (host.to_owned(), path.to_vec());
            let there = turns.get(&place).and_then(Weak::upgrade);
            there.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(place, Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_file_has_one_writer_and_its_neighbours_are_free() {
        let turns = Turns::default();
        let first = turns.at("web", b"/etc/x").await;
        assert!(turns.at("web", b"/etc/x").now_or_never().is_none());
        assert!(turns.at("web", b"/etc/y").now_or_never().is_some());
        assert!(turns.at("db", b"/etc/x").now_or_never().is_some());
        drop(first);
        assert!(turns.at("web", b"/etc/x").now_or_never().is_some());
        let _last = turns.at("web", b"/etc/x").await;
        assert_eq!(turns.0.lock().unwrap().len(), 1);
    }
}
