//! All forwards of the daemon, by their session and id.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use schema::Id;
use schema::spec::ForwardSpec;
use storage::state::{Change, CommitError, SavedForward};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::error::ForwardError;
use super::handle::Forward;
use super::room::{FORWARDS_MAX, ForwardRoom};
use super::{listen_here, listen_there};
use crate::link::{Links, RemoteListener};

/// How long a connection to the host may take to come up for one that listens there.
const LINK_WAIT: std::time::Duration = schema::limits::SESSION_WAIT;

/// A session's id and a forward's.
type Key = (Id, Id);

/// Every forward. A cheap handle.
#[derive(Debug, Clone)]
pub struct Forwards {
    room: ForwardRoom,
    book: Arc<Mutex<Book>>,
}

#[derive(Debug, Default)]
struct Book {
    listed: BTreeMap<Key, Arc<Forward>>,
    /// Being opened or ended.
    busy: BTreeSet<Key>,
}

/// What is to be opened.
#[derive(Debug, Clone)]
pub struct OpenForward {
    /// Whose it is.
    pub session_id: Id,
    /// The caller's name for it.
    pub id: Id,
    /// What is asked for.
    pub spec: ForwardSpec,
    /// Whether it comes back at every start of the daemon.
    pub is_persistent: bool,
    /// The session's.
    pub links: Links,
}

/// What a forward listens by.
enum Listener {
    Here(TcpListener),
    There(RemoteListener),
}

/// Keeps an id from others until it is dropped.
struct Turn {
    book: Arc<Mutex<Book>>,
    key: Key,
}

impl Drop for Turn {
    fn drop(&mut self) {
        lock(&self.book).busy.remove(&self.key);
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key_of(forward: &Forward) -> Key {
    (forward.session_id().clone(), forward.id().clone())
}

fn removal((session_id, id): &Key) -> Change {
    Change::RemoveForward {
        session_id: session_id.clone(),
        id: id.clone(),
    }
}

impl Forwards {
    /// No forwards yet.
    pub fn new(room: ForwardRoom) -> Self {
        Self {
            room,
            book: Arc::default(),
        }
    }

    /// Opens a forward, or gives the one that is there with an equal spec. It listens
    /// when this returns, and a persistent one is on disk; one that fails leaves
    /// nothing. `is_current` says whether its session has its id still.
    pub async fn open(
        &self,
        open: OpenForward,
        is_current: impl Fn() -> bool + Send + 'static,
    ) -> Result<Arc<Forward>, ForwardError> {
        let key = (open.session_id.clone(), open.id.clone());
        let turn = self.turn(&key)?;
        if let Some(there) = self.get(&key) {
            if *there.spec() == open.spec {
                return Ok(there);
            }
            return Err(ForwardError::AlreadyExists {
                session_id: open.session_id,
                id: open.id,
            });
        }
        if lock(&self.book).listed.len() >= FORWARDS_MAX {
            return Err(ForwardError::TooMany);
        }
        let forward = self.made(&key, (open.spec, open.is_persistent), open.links);
        // Who gives up while this waits leaves nothing.
        let listener = listening(&forward).await?;
        // From here on it goes to its end whoever gives up: a commit that is under
        // way cannot be called back.
        let this = self.clone();
        let keeping = async move {
            let kept = this.keep_and_run(forward, listener, is_current).await;
            drop(turn);
            kept
        };
        match self.room.tasks.spawn(keeping).await {
            Ok(kept) => kept,
            Err(_panic) => Err(ForwardError::Busy { id: key.1 }),
        }
    }

    async fn keep_and_run(
        &self,
        forward: Arc<Forward>,
        listener: Listener,
        is_current: impl Fn() -> bool,
    ) -> Result<Arc<Forward>, ForwardError> {
        self.keep(&forward).await?;
        self.run(&forward, Some(listener));
        lock(&self.book)
            .listed
            .insert(key_of(&forward), Arc::clone(&forward));
        // A session that ended, or was replaced, before this was listed did not take
        // it along, and nobody else would end it.
        if !is_current() {
            self.end([&forward]).await;
            forward.until_ended().await;
            let id = forward.session_id().clone();
            return Err(ForwardError::SessionGone { id });
        }
        Ok(forward)
    }

    /// Takes them off the list and the disk and has them end.
    async fn end(&self, forwards: impl IntoIterator<Item = &Arc<Forward>>) {
        let mut removals = Vec::new();
        for forward in forwards {
            let key = key_of(forward);
            lock(&self.book).listed.remove(&key);
            forward.ending().cancel();
            if forward.is_kept() {
                removals.push(removal(&key));
            }
        }
        if removals.is_empty() {
            return;
        }
        if let Err(error) = self.room.store.commit(removals).await {
            tracing::error!(%error, "forwards may come back with a session of the same id");
        }
    }

    /// Brings back what the state has of a session; each listens as soon as it can.
    pub fn restore(&self, saved: SavedForward, links: Links) {
        let key = (saved.session_id, saved.id);
        let forward = self.made(&key, (saved.spec, true), links);
        lock(&self.book).listed.insert(key, Arc::clone(&forward));
        self.run(&forward, None);
    }

    /// A session took the name of one that is gone.
    pub fn attach(&self, session_id: &Id, links: &Links) {
        for forward in self.list(Some(session_id)) {
            forward.follow(links.clone());
        }
    }

    /// All of them, or those of a session, ordered.
    pub fn list(&self, session_id: Option<&Id>) -> Vec<Arc<Forward>> {
        let book = lock(&self.book);
        let is_wanted = |forward: &&Arc<Forward>| {
            session_id.is_none_or(|wanted| forward.session_id() == wanted)
        };
        book.listed.values().filter(is_wanted).cloned().collect()
    }

    /// Ends a forward and its connections for good. When this returns its port is
    /// free.
    pub async fn cancel(&self, session_id: &Id, id: &Id) -> Result<Arc<Forward>, ForwardError> {
        let key = (session_id.clone(), id.clone());
        let turn = self.turn(&key)?;
        let Some(forward) = self.get(&key) else {
            let of_session = self.list(Some(session_id));
            return Err(ForwardError::NotFound {
                known: of_session.iter().map(|one| one.id().clone()).collect(),
                session_id: key.0,
                id: key.1,
            });
        };
        if forward.is_kept() {
            let removed = self.room.store.commit(vec![removal(&key)]).await;
            removed.map_err(|source| ForwardError::NotRemoved {
                id: key.1.clone(),
                source,
            })?;
        }
        lock(&self.book).listed.remove(&key);
        forward.ending().cancel();
        forward.until_ended().await;
        drop(turn);
        Ok(forward)
    }

    /// Has those of a session end that is no more; the caller may wait until they
    /// have.
    pub async fn end_of(&self, session_id: &Id) -> Vec<Arc<Forward>> {
        let ended = self.list(Some(session_id));
        self.end(&ended).await;
        ended
    }

    fn get(&self, key: &Key) -> Option<Arc<Forward>> {
        lock(&self.book).listed.get(key).cloned()
    }

    fn turn(&self, key: &Key) -> Result<Turn, ForwardError> {
        if !lock(&self.book).busy.insert(key.clone()) {
            return Err(ForwardError::Busy { id: key.1.clone() });
        }
        Ok(Turn {
            book: Arc::clone(&self.book),
            key: key.clone(),
        })
    }

    fn made(&self, key: &Key, spec: (ForwardSpec, bool), links: Links) -> Arc<Forward> {
        let ending: CancellationToken = self.room.stopping.child_token();
        Forward::new(key.clone(), spec, links, ending)
    }

    /// Writes it down if it is to come back.
    async fn keep(&self, forward: &Forward) -> Result<(), ForwardError> {
        if !forward.is_kept() {
            return Ok(());
        }
        let key = key_of(forward);
        let saved = SavedForward {
            session_id: key.0.clone(),
            id: key.1.clone(),
            spec: forward.spec().clone(),
            created_at_ms: self.room.clock.now_ms(),
        };
        let commit = self
            .room
            .store
            .commit(vec![Change::PutForward(saved)])
            .await;
        let Err(source) = commit else { return Ok(()) };
        if matches!(source, CommitError::Unknown(_)) {
            // What answers with an error must not come back.
            match self.room.store.commit(vec![removal(&key)]).await {
                Ok(()) => return Err(ForwardError::TakenBack { id: key.1 }),
                Err(error) => tracing::error!(%error, forward = %key.1, "it may come back"),
            }
        }
        Err(ForwardError::Commit { id: key.1, source })
    }

    /// Starts its task; without a `listener` it listens as soon as it can.
    fn run(&self, forward: &Arc<Forward>, listener: Option<Listener>) {
        let (forward, room) = (Arc::clone(forward), self.room.clone());
        let tasks = &self.room.tasks;
        match listener {
            Some(Listener::Here(listener)) => {
                forward.listens(listener.local_addr().map_or(0, |address| address.port()));
                tasks.spawn(listen_here::run(forward, room, Some(listener)));
            }
            Some(Listener::There(listener)) => {
                forward.listens(listener.port());
                tasks.spawn(listen_there::run(forward, room, Some(listener)));
            }
            None if forward.is_remote() => {
                tasks.spawn(listen_there::run(forward, room, None));
            }
            None => {
                tasks.spawn(listen_here::run(forward, room, None));
            }
        }
    }
}

/// Listens as `forward` says, for the first time.
async fn listening(forward: &Forward) -> Result<Listener, ForwardError> {
    if forward.is_remote() {
        let up = Arc::clone(&forward.links().borrow().up);
        let connection = up(LINK_WAIT).await.map_err(ForwardError::Session)?;
        let listener = listen_there::listen(forward, &connection).await?;
        return Ok(Listener::There(listener));
    }
    let spec = forward.spec();
    let bound = listen_here::bind(&spec.bind_addr, spec.bind_port).await;
    let listener = bound.map_err(|(error, why)| ForwardError::Bind {
        why,
        kind: error.kind(),
    })?;
    Ok(Listener::Here(listener))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use schema::spec::ForwardKind;
    use schema::{Code, Fault};
    use storage::state::{StateOptions, StateStore};
    use tokio::net::TcpStream;
    use tokio_util::task::TaskTracker;

    use super::*;
    use crate::clock::Clock;

    fn store(folder: &Path) -> StateStore {
        let options = StateOptions {
            path: folder.join("state.redb"),
            backups_folder: folder.join("backups"),
            go_state: None,
            program_version: "test".into(),
            now_ms: 0,
        };
        StateStore::open(options).unwrap().0
    }

    fn forwards(store: &StateStore, folder: &Path) -> Forwards {
        let around = (TaskTracker::new(), CancellationToken::new());
        let clock = Clock::system();
        Forwards::new(ForwardRoom::new(
            store.clone(),
            clock,
            around,
            folder.into(),
        ))
    }

    /// On a session that is down, on a free port.
    fn local(id: &str, is_persistent: bool) -> OpenForward {
        OpenForward {
            session_id: Id::new("web").unwrap(),
            id: Id::new(id).unwrap(),
            spec: ForwardSpec {
                bind_addr: "127.0.0.1".into(),
                bind_port: 0,
                kind: ForwardKind::Dynamic,
            },
            is_persistent,
            links: Links::down(),
        }
    }

    fn port_of(forward: &Forward) -> u16 {
        forward.stands().port.unwrap()
    }

    async fn is_taken(port: u16) -> bool {
        TcpStream::connect(("127.0.0.1", port)).await.is_ok()
    }

    #[tokio::test]
    async fn one_whose_session_went_while_it_was_opened_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let forwards = forwards(&store, folder.path());
        let mut open = local("f", true);
        open.spec.bind_port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let port = open.spec.bind_port;
        let gone = forwards.open(open, || false).await.unwrap_err();
        assert_eq!(Fault::from(gone).code, Code::NotConnected);
        assert!(forwards.list(None).is_empty());
        assert!(store.picture().await.unwrap().forwards.is_empty());
        assert!(!is_taken(port).await);
    }

    #[tokio::test]
    async fn what_ends_with_its_session_is_taken_off_the_disk_too() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let forwards = forwards(&store, folder.path());
        let forward = forwards.open(local("f", true), || true).await.unwrap();
        assert_eq!(store.picture().await.unwrap().forwards.len(), 1);
        let ended = forwards.end_of(forward.session_id()).await;
        assert_eq!(ended.len(), 1);
        forward.until_ended().await;
        assert!(forwards.list(None).is_empty());
        assert!(store.picture().await.unwrap().forwards.is_empty());
    }

    #[tokio::test]
    async fn a_cancel_that_the_disk_does_not_take_leaves_it_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let store = store(folder.path());
        let forwards = forwards(&store, folder.path());
        let kept = forwards.open(local("kept", true), || true).await.unwrap();
        let other = forwards.open(local("other", false), || true).await.unwrap();
        store.close().await;
        let session_id = kept.session_id();
        let failed = forwards.cancel(session_id, kept.id()).await.unwrap_err();
        let fault = Fault::from(failed);
        assert_eq!(fault.code, Code::Unavailable);
        assert!(fault.next.contains("it still listens"), "{fault:?}");
        assert!(is_taken(port_of(&kept)).await);
        // What was never there needs no disk to be taken off it.
        forwards.cancel(session_id, other.id()).await.unwrap();
        assert!(!is_taken(port_of(&other)).await);
    }
}
