//! The SFTP of one link, kept for the next call for a while.

use std::sync::{Arc, Weak};

use tokio::sync::{Mutex, MutexGuard};

use super::client::Sftp;

/// The place for it.
#[derive(Debug, Default)]
pub(in crate::link) struct SftpSlot(Mutex<Weak<Sftp>>);

impl SftpSlot {
    /// One caller at a time, so that two make one.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Weak<Sftp>> {
        self.0.lock().await
    }
}

/// What is there, if it can be used.
pub(super) fn living(slot: &Weak<Sftp>) -> Option<Arc<Sftp>> {
    slot.upgrade().filter(|there| !there.is_over())
}
