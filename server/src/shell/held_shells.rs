//! All shells that outlive link and daemon: followed by a link of their session,
//! or resting until there is one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use schema::Id;
use storage::state::{Change, SavedDurableShell, StateStore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::drive::forget_later;
use super::end::End;
use super::handle::{Facts, Owner, Shell};
use super::held::{HeldError, Left, Resting, follow};
use super::registry::Shells;
use crate::clock::{from_ms, ms_of};
use crate::link::{Connection, HeldBegun, HeldOpen, LinkError, Links, Mark, living};

/// How long ending a shell waits for a link to its host.
const LINK_WAIT: Duration = Duration::from_secs(5);

/// The held shells. A cheap handle.
#[derive(Debug, Clone)]
pub struct HeldShells {
    shells: Shells,
    store: StateStore,
    tasks: TaskTracker,
    stopping: CancellationToken,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    /// Those that no link follows.
    resting: Vec<Resting>,
    /// The newest links of each session, by its id.
    links: HashMap<String, Links>,
    /// The names on their hosts of all that live, and the hosts.
    marks: HashMap<(Owner, String), (Mark, String)>,
}

impl HeldShells {
    /// Those that an earlier run left, each resting.
    pub fn new(
        shells: Shells,
        store: StateStore,
        (tasks, stopping): (TaskTracker, CancellationToken),
        left: Vec<SavedDurableShell>,
    ) -> Self {
        let this = Self {
            shells,
            store,
            tasks,
            stopping,
            book: Arc::default(),
        };
        for saved in left {
            let Some(mark) = Mark::parse(&saved.mark) else {
                tracing::error!(shell = %saved.id, "a durable shell's record makes no sense");
                continue;
            };
            let facts = Facts {
                owner: Owner::Session(saved.session_id.to_string()),
                id: saved.id.to_string(),
                opened_at: from_ms(saved.opened_at_ms).unwrap_or(std::time::UNIX_EPOCH),
                is_durable: true,
                is_restored: true,
            };
            let (shell, orders) = Shell::new(facts, saved.rows, saved.cols);
            shell.set_holder(saved.holder);
            if let Err(error) = this.shells.add(Arc::clone(&shell)) {
                tracing::error!(shell = %saved.id, %error, "a durable shell has no place");
                continue;
            }
            let mut book = this.lock();
            book.marks
                .insert(key_of(&shell), (mark.clone(), saved.host.clone()));
            book.resting.push(Resting {
                shell,
                mark,
                host: saved.host,
                orders,
            });
        }
        this
    }

    /// Opens `shell`, which is listed already, over `connection`. It is in the
    /// state before anything is sent, so that it is found again whatever happens.
    pub async fn open(
        &self,
        session_id: &Id,
        (shell, orders): (
            Arc<Shell>,
            tokio::sync::mpsc::Receiver<crate::link::TerminalOrder>,
        ),
        open: HeldOpen,
        connection: &Arc<Connection>,
        links: Links,
    ) -> Result<(), HeldError> {
        let host = connection.host();
        let saved = |holder: String| SavedDurableShell {
            session_id: session_id.clone(),
            id: Id::new(&shell.facts().id).unwrap_or_else(|_odd| session_id.clone()),
            host: host.clone(),
            mark: open.mark.to_string(),
            holder,
            rows: open.rows,
            cols: open.cols,
            opened_at_ms: ms_of(shell.facts().opened_at),
        };
        let put = |holder| Change::PutDurableShell(Box::new(saved(holder)));
        self.lock()
            .marks
            .insert(key_of(&shell), (open.mark.clone(), host.clone()));
        if let Err(error) = self.store.commit(vec![put(String::new())]).await {
            self.forget(&shell, &open.mark).await;
            return Err(error.into());
        }
        let begun = connection.open_held(&open).await;
        // Asked again it tells: it is opened once.
        let begun = match begun {
            HeldBegun::Unknown(_) => match again(&links).await {
                Some(next) => next.open_held(&open).await,
                None => begun,
            },
            told => told,
        };
        let holder = match begun {
            HeldBegun::Held(holder) => holder,
            HeldBegun::NotOpened(error) => {
                self.forget(&shell, &open.mark).await;
                return Err(error.into());
            }
            HeldBegun::Unknown(error) => {
                tracing::warn!(%error, "whether a durable shell was opened is not known yet");
                String::new()
            }
        };
        if let Err(error) = self.store.commit(vec![put(holder.clone())]).await {
            tracing::warn!(%error, "the state does not name the holder of a durable shell");
        }
        shell.set_holder(holder);
        self.lock()
            .links
            .insert(session_id.to_string(), links.clone());
        let resting = Resting {
            shell,
            mark: open.mark,
            host,
            orders,
        };
        self.go_on(resting, links);
        Ok(())
    }

    /// Goes on with the shells of a session whose links are there again.
    pub fn attach(&self, session_id: &Id, links: &Links) {
        let mut book = self.lock();
        let owner = Owner::Session(session_id.to_string());
        let taken: Vec<Resting> = book
            .resting
            .extract_if(.., |one| one.shell.facts().owner == owner)
            .collect();
        book.links.insert(session_id.to_string(), links.clone());
        drop(book);
        for one in taken {
            self.go_on(one, links.clone());
        }
    }

    /// Ends a shell with its holder.
    pub async fn close(&self, shell: &Arc<Shell>) -> Result<(), HeldError> {
        let (known, links) = {
            let book = self.lock();
            let known = book.marks.get(&key_of(shell)).cloned();
            let session = match &shell.facts().owner {
                Owner::Session(id) => id.clone(),
                Owner::Container(host, _) => host.clone(),
            };
            (known, book.links.get(&session).cloned())
        };
        let (mark, host) = known.ok_or(HeldError::NoLink)?;
        let links = links.ok_or(HeldError::NoLink)?;
        let connection = again(&links).await.ok_or(HeldError::NoLink)?;
        if connection.host() != host {
            return Err(HeldError::Elsewhere);
        }
        connection.end_held(&mark).await?;
        self.forget(shell, &mark).await;
        shell.closing().cancel();
        shell.ended(End::default());
        Ok(())
    }

    /// Whether no link follows the shell now.
    pub fn is_resting(&self, shell: &Arc<Shell>) -> bool {
        let book = self.lock();
        book.resting
            .iter()
            .any(|one| Arc::ptr_eq(&one.shell, shell))
    }

    fn go_on(&self, one: Resting, mut links: Links) {
        let this = self.clone();
        self.tasks.spawn(async move {
            let (shell, mark) = (Arc::clone(&one.shell), one.mark.clone());
            let mut one = one;
            loop {
                let following = follow(one, links.clone());
                let left = tokio::select! {
                    left = following => left,
                    // It goes on on its host, and in the state.
                    () = this.stopping.cancelled() => return,
                };
                let left = match left {
                    Left::Unlinked(left) => left,
                    Left::Ended(end) => {
                        // Once it is told, its id is free for another.
                        this.forget(&shell, &mark).await;
                        shell.ended(end);
                        break;
                    }
                    Left::Closed => break,
                };
                let mut book = this.lock();
                let Owner::Session(session) = &left.shell.facts().owner else {
                    return;
                };
                // Its session may have been made anew before these links ended.
                match book.links.get(session) {
                    Some(newer) if !newer.state.same_channel(&links.state) => {
                        links = newer.clone();
                        one = left;
                    }
                    _ => {
                        let session = session.clone();
                        book.links.remove(&session);
                        book.resting.push(left);
                        return;
                    }
                }
            }
            forget_later(shell, this.shells.clone(), this.stopping.clone()).await;
        });
    }

    /// The shell `mark` is not to be brought back any more. Another that has its id by
    /// now is left alone.
    async fn forget(&self, shell: &Shell, mark: &Mark) {
        let key = key_of(shell);
        {
            let mut book = self.lock();
            match book.marks.get(&key) {
                Some((known, _)) if known == mark => {}
                _ => return,
            }
            book.marks.remove(&key);
        }
        let (Owner::Session(session), id) = &key else {
            return;
        };
        let (Ok(session_id), Ok(id)) = (Id::new(session), Id::new(id)) else {
            return;
        };
        let removal = Change::RemoveDurableShell { session_id, id };
        if let Err(error) = self.store.commit(vec![removal]).await {
            tracing::warn!(%error, "the state still has a shell that ended");
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A link to the host, waited for a little.
async fn again(links: &Links) -> Option<Arc<Connection>> {
    let mut state = links.state.clone();
    tokio::time::timeout(LINK_WAIT, living(&mut state))
        .await
        .ok()?
}

fn key_of(shell: &Shell) -> (Owner, String) {
    (shell.facts().owner.clone(), shell.facts().id.clone())
}

impl HeldError {
    /// Of the link, where it is one.
    pub fn link(&self) -> Option<&LinkError> {
        match self {
            Self::Link(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use storage::state::StateOptions;

    use super::*;

    #[tokio::test]
    async fn the_end_of_a_shell_leaves_another_that_has_its_id_by_now() {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = StateStore::open(StateOptions {
            path: folder.path().join("state.redb"),
            backups_folder: folder.path().join("backups"),
            go_state: None,
            program_version: "test".into(),
            now_ms: 0,
        })
        .unwrap();
        let (old, new) = (Mark::fresh(), Mark::fresh());
        let saved = SavedDurableShell {
            session_id: Id::new("web").unwrap(),
            id: Id::new("a").unwrap(),
            host: "host".into(),
            mark: new.to_string(),
            holder: String::new(),
            rows: 24,
            cols: 80,
            opened_at_ms: 0,
        };
        let put = Change::PutDurableShell(Box::new(saved.clone()));
        store.commit(vec![put]).await.unwrap();
        let around = (TaskTracker::new(), CancellationToken::new());
        let held = HeldShells::new(Shells::default(), store.clone(), around, vec![saved]);
        let shell = held.shells.list(None).remove(0);
        for (mark, left) in [(&old, 1), (&new, 0)] {
            held.forget(&shell, mark).await;
            let there = store.picture().await.unwrap().durable_shells;
            assert_eq!(there.len(), left);
        }
    }
}
