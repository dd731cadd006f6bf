//! What is to be remembered of a host's files between calls: whose turn it is at one,
//! and what a link that died left there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::OwnedMutexGuard;

use super::path::RemotePath;
use crate::link::{Sftp, SftpError};

/// Staged files that are remembered; what is more stays on the host.
const LEFT_MAX: usize = 10_000;

/// Every session's host, by the session's id.
#[derive(Debug, Clone, Default)]
pub struct FileHosts(Arc<Mutex<HashMap<String, Arc<FileHost>>>>);

/// One session's host.
#[derive(Debug, Default)]
pub struct FileHost {
    turns: Mutex<HashMap<Vec<u8>, Weak<tokio::sync::Mutex<()>>>>,
    left: Mutex<Vec<RemotePath>>,
}

impl FileHosts {
    /// The host of that session.
    pub fn of(&self, session_id: &str) -> Arc<FileHost> {
        let mut hosts = lock(&self.0);
        hosts.retain(|_, host| Arc::strong_count(host) > 1 || !host.owes_nothing());
        Arc::clone(hosts.entry(session_id.to_owned()).or_default())
    }
}

impl FileHost {
    /// Waits for the turn at the file `path`, links resolved: who reads a file in order
    /// to write it has it for itself until what this returns is dropped.
    pub(super) async fn turn(&self, path: &[u8]) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = lock(&self.turns);
            turns.retain(|_, turn| turn.strong_count() > 0);
            let there = turns.get(path).and_then(Weak::upgrade);
            there.unwrap_or_else(|| {
                let turn = Arc::default();
                turns.insert(path.to_vec(), Arc::downgrade(&turn));
                turn
            })
        };
        turn.lock_owned().await
    }

    /// The staged file `path` is to go, as soon as somebody can take it away.
    pub(super) fn leave(&self, path: &RemotePath) {
        let mut left = lock(&self.left);
        if left.len() < LEFT_MAX {
            left.push(path.clone());
        }
    }

    /// Whether nothing that should go is there, as far as is known.
    pub fn owes_nothing(&self) -> bool {
        lock(&self.left).is_empty()
    }

    /// Takes away what a link before this one left.
    pub async fn sweep(&self, sftp: &Sftp) {
        let left = std::mem::take(&mut *lock(&self.left));
        for path in left {
            // Other errors: it came to its name after all, or somebody else took it away.
            if let Err(SftpError::Lost(_)) = sftp.remove(path.bytes()).await {
                self.leave(&path);
            }
        }
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_file_has_one_writer_and_its_neighbours_are_free() {
        let hosts = FileHosts::default();
        let (web, db) = (hosts.of("web"), hosts.of("db"));
        let first = web.turn(b"/etc/x").await;
        assert!(hosts.of("web").turn(b"/etc/x").now_or_never().is_none());
        assert!(web.turn(b"/etc/y").now_or_never().is_some());
        assert!(db.turn(b"/etc/x").now_or_never().is_some());
        drop(first);
        let _last = web.turn(b"/etc/x").await;
        assert_eq!(lock(&web.turns).len(), 1);
    }

    #[test]
    fn a_host_is_forgotten_once_nothing_is_owed_to_it() {
        let hosts = FileHosts::default();
        let path = RemotePath::new("/tmp/.x.rsmcp-1").unwrap();
        hosts.of("web").leave(&path);
        drop(hosts.of("db"));
        drop(hosts.of("web"));
        assert_eq!(lock(&hosts.0).len(), 1);
        assert_eq!(lock(&hosts.of("web").left).len(), 1);
    }
}
