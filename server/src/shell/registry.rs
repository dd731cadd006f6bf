//! All shells, by whose they are and their name. One that ended stays readable
//! for a while.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::handle::{Owner, Shell};

/// How long an ended shell is kept, unless its id is opened again.
pub const ENDED_STAY: Duration = Duration::from_mins(10);

/// Shells at once, living and ended: at most 1 MiB of output each.
const SHELLS_MAX: usize = 1_000;

/// Every shell.
#[derive(Debug, Clone, Default)]
pub struct Shells(Arc<Mutex<Shelf>>);

/// By whose they are, and their ids.
type Shelf = BTreeMap<(Owner, String), Arc<Shell>>;

/// Why there is no place for a shell.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoom {
    /// A living one has the id.
    #[error("a shell of that id is open already")]
    Taken,
    /// There are too many.
    #[error("there are {SHELLS_MAX} shells already")]
    TooMany,
}

impl Shells {
    /// Takes a new shell in; one of the same id that ended goes.
    pub fn add(&self, shell: Arc<Shell>) -> Result<(), NoRoom> {
        let mut shells = self.lock();
        let key = key_of(&shell);
        match shells.get(&key) {
            Some(other) if other.end().is_none() => return Err(NoRoom::Taken),
            Some(_ended) => {}
            None if shells.len() >= SHELLS_MAX => return Err(NoRoom::TooMany),
            None => {}
        }
        shells.insert(key, shell);
        Ok(())
    }

    /// The shell of that owner and id.
    pub fn get(&self, owner: &Owner, id: &str) -> Option<Arc<Shell>> {
        self.lock().get(&(owner.clone(), id.to_owned())).cloned()
    }

    /// All of them, or those of a session, ordered.
    pub fn list(&self, session: Option<&str>) -> Vec<Arc<Shell>> {
        let is_wanted = |shell: &&Arc<Shell>| match (&shell.facts().owner, session) {
            (_, None) => true,
            (Owner::Session(id), Some(wanted)) => id == wanted,
            (Owner::Container(..), Some(_)) => false,
        };
        self.lock().values().filter(is_wanted).cloned().collect()
    }

    /// Forgets this very shell.
    pub fn remove(&self, shell: &Arc<Shell>) {
        let mut shells = self.lock();
        let key = key_of(shell);
        if shells
            .get(&key)
            .is_some_and(|there| Arc::ptr_eq(there, shell))
        {
            shells.remove(&key);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shelf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key_of(shell: &Shell) -> (Owner, String) {
    (shell.facts().owner.clone(), shell.facts().id.clone())
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::super::end::End;
    use super::super::handle::Facts;
    use super::*;

    fn shell(session: &str, id: &str) -> Arc<Shell> {
        let facts = Facts {
            owner: Owner::Session(session.into()),
            id: id.into(),
            opened_at: SystemTime::UNIX_EPOCH,
            is_durable: false,
            is_restored: false,
        };
        Shell::new(facts, 24, 80).0
    }

    #[test]
    fn an_id_is_free_again_once_its_shell_has_ended() {
        let shells = Shells::default();
        let first = shell("web", "a");
        shells.add(Arc::clone(&first)).unwrap();
        assert_eq!(shells.add(shell("web", "a")), Err(NoRoom::Taken));
        shells.add(shell("db", "a")).unwrap();
        first.ended(End::default());
        let second = shell("web", "a");
        shells.add(Arc::clone(&second)).unwrap();
        // The first one's time is over, which is not the second's.
        shells.remove(&first);
        let owner = Owner::Session("web".into());
        assert!(Arc::ptr_eq(&shells.get(&owner, "a").unwrap(), &second));
        assert_eq!(shells.list(Some("web")).len(), 1);
        assert_eq!(shells.list(None).len(), 2);
    }
}
