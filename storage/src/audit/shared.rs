//! What the log's handle and its thread share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::chain::ChainKey;
use super::error::AuditError;
use super::front::Front;
use super::head::Head;
use super::shelf::Shelf;

/// Call numbers that one checkpoint sets aside, so that none is used twice
/// even if a power cut takes the newest records.
pub(super) const RESERVED_SEQS: u64 = 65_536;

/// What handle and thread share. Locks are taken in the order of the fields.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) front: Mutex<Front>,
    pub(super) head: Mutex<Head>,
    pub(super) shelf: Mutex<Shelf>,
    pub(super) head_path: std::path::PathBuf,
    pub(super) key: ChainKey,
    /// Told when there is something to fold.
    pub(super) wake: Condvar,
    /// Told when a fold ended.
    pub(super) done: Condvar,
    pub(super) sync_always: bool,
}

impl Shared {
    pub(super) fn new(
        front: Front,
        head: Head,
        shelf: Shelf,
        head_path: std::path::PathBuf,
        sync_always: bool,
    ) -> Self {
        Self {
            key: front.key.clone(),
            front: Mutex::new(front),
            head: Mutex::new(head),
            shelf: Mutex::new(shelf),
            head_path,
            wake: Condvar::new(),
            done: Condvar::new(),
            sync_always,
        }
    }

    pub(super) fn front(&self) -> MutexGuard<'_, Front> {
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn head(&self) -> MutexGuard<'_, Head> {
        self.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets call numbers aside when those of the checkpoint are used up, which
    /// folds do long before unless the disk fails.
    pub(super) fn reserve(&self, front: &mut Front) -> Result<(), AuditError> {
        if front.next_seq() <= front.reserved_seq {
            return Ok(());
        }
        let mut head = self.head();
        head.reserved_seq = front.next_seq().saturating_add(RESERVED_SEQS);
        head.write(&self.head_path, &self.key)?;
        front.reserved_seq = head.reserved_seq;
        Ok(())
    }

    /// There is something to fold. A folder that gathers is not woken for it, since
    /// each time would cost the call a change of threads.
    pub(super) fn tell_folder(&self, mut front: MutexGuard<'_, Front>) {
        let rests = std::mem::take(&mut front.folder_rests);
        drop(front);
        if rests {
            self.wake.notify_all();
        }
    }

    pub(super) fn wait_durable(
        &self,
        mut front: MutexGuard<'_, Front>,
        number: u64,
    ) -> Result<(), AuditError> {
        let failures = front.failures;
        front.wanted = front.wanted.max(number);
        self.wake.notify_all();
        while front.folded.number < number {
            if front.closed || front.failures > failures {
                return Err(AuditError::NotDurable(front.failure.clone()));
            }
            front = self
                .done
                .wait(front)
                .unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }
}
