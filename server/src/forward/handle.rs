//! One forward, as everybody sees it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use schema::Id;
use schema::spec::{ForwardKind, ForwardSpec};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

use crate::link::{LinkState, Links};

/// Connections at once through one forward, which leaves as many for others.
pub(super) const CONNECTIONS_MAX: usize = 4_096;

/// One forward. Its task listens; this is what is known of it.
#[derive(Debug)]
pub struct Forward {
    session_id: Id,
    id: Id,
    spec: ForwardSpec,
    /// It is in the state, and comes back at every start of the daemon.
    is_kept: bool,
    /// Those of its session; replaced when a session takes its place.
    links: watch::Sender<Links>,
    place: Mutex<Place>,
    counts: Counts,
    /// For its connections.
    places: Arc<Semaphore>,
    ending: CancellationToken,
    ended: CancellationToken,
}

#[derive(Debug, Default)]
struct Place {
    /// In effect; none while it does not listen.
    port: Option<u16>,
    last_error: String,
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: AtomicU64,
    pub(super) open: AtomicU64,
    /// Towards the listening side, in bytes.
    pub(super) bytes_in: AtomicU64,
    /// Towards the target, in bytes.
    pub(super) bytes_out: AtomicU64,
}

/// Where a forward stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stands {
    /// The port in effect; none while it does not listen.
    pub port: Option<u16>,
    /// Whether its session's link is up.
    pub is_up: bool,
    /// The last failure; empty for none.
    pub last_error: String,
    /// Connections since it was opened.
    pub connections: u64,
    /// Of those, open ones.
    pub open: u64,
    /// Towards the listening side, in bytes.
    pub bytes_in: u64,
    /// Towards the target, in bytes.
    pub bytes_out: u64,
}

/// Counts a connection as open until it is dropped.
#[derive(Debug)]
pub(super) struct OpenConnection(Arc<Forward>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.counts.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Forward {
    pub(super) fn new(
        (session_id, id): (Id, Id),
        (spec, is_kept): (ForwardSpec, bool),
        links: Links,
        ending: CancellationToken,
    ) -> Arc<Self> {
        Arc::new(Self {
            session_id,
            id,
            spec,
            is_kept,
            links: watch::Sender::new(links),
            place: Mutex::default(),
            counts: Counts::default(),
            places: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
            ending,
            ended: CancellationToken::new(),
        })
    }

    /// Whose it is.
    pub fn session_id(&self) -> &Id {
        &self.session_id
    }

    /// The caller's name for it.
    pub fn id(&self) -> &Id {
        &self.id
    }

    /// As it was asked for.
    pub fn spec(&self) -> &ForwardSpec {
        &self.spec
    }

    /// Whether it comes back at every start of the daemon.
    pub(super) fn is_kept(&self) -> bool {
        self.is_kept
    }

    /// Whether it listens on its host.
    pub fn is_remote(&self) -> bool {
        matches!(self.spec.kind, ForwardKind::Remote { .. })
    }

    /// Where it stands now.
    pub fn stands(&self) -> Stands {
        let is_up = matches!(*self.links.borrow().state.borrow(), LinkState::Up(_));
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let place = self.place();
        Stands {
            port: place.port,
            is_up,
            last_error: place.last_error.clone(),
            connections: read(&self.counts.connections),
            open: read(&self.counts.open),
            bytes_in: read(&self.counts.bytes_in),
            bytes_out: read(&self.counts.bytes_out),
        }
    }

    pub(super) fn links(&self) -> watch::Receiver<Links> {
        self.links.subscribe()
    }

    /// Its session's place was taken by one of other links.
    pub(super) fn follow(&self, links: Links) {
        self.links.send_replace(links);
    }

    pub(super) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// Those that it may take.
    pub(super) fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// Fires when it is to end; its connections end with it.
    pub(super) fn ending(&self) -> &CancellationToken {
        &self.ending
    }

    /// Fires when it no longer listens for good.
    pub(super) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// Waits until it no longer listens for good.
    pub async fn until_ended(&self) {
        self.ended.cancelled().await;
    }

    /// It listens on `port`.
    pub(super) fn listens(&self, port: u16) {
        *self.place() = Place {
            port: Some(port),
            last_error: String::new(),
        };
    }

    /// It does not listen, for now.
    pub(super) fn does_not_listen(&self, why: String) {
        *self.place() = Place {
            port: None,
            last_error: why,
        };
    }

    /// Something of it failed, a connection mostly.
    pub(super) fn failed(&self, why: String) {
        tracing::debug!(forward = %self.id, session = %self.session_id, why);
        self.place().last_error = why;
    }

    /// A connection begins.
    pub(super) fn begin(self: &Arc<Self>) -> OpenConnection {
        self.counts.connections.fetch_add(1, Ordering::Relaxed);
        self.counts.open.fetch_add(1, Ordering::Relaxed);
        OpenConnection(Arc::clone(self))
    }

    fn place(&self) -> std::sync::MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
impl Links {
    /// Those of a session that is down.
    pub(super) fn down() -> Self {
        let down = || schema::Fault::new(schema::Code::NotConnected, "it is down");
        Self {
            state: watch::Sender::new(LinkState::Down).subscribe(),
            up: Arc::new(move |_| Box::pin(async move { Err(down()) })),
            place: Arc::new(|| Box::pin(async { None })),
        }
    }
}

#[cfg(test)]
impl Forward {
    /// One of which nothing runs.
    pub(super) fn idle(id: &str) -> Arc<Self> {
        let spec = ForwardSpec {
            bind_addr: "127.0.0.1".into(),
            bind_port: 0,
            kind: ForwardKind::Dynamic,
        };
        let key = (Id::new("web").unwrap(), Id::new(id).unwrap());
        Self::new(key, (spec, false), Links::down(), CancellationToken::new())
    }
}
