//! The handle to one session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schema::Id;
use schema::limits::SESSION_WAIT;
use schema::spec::SshSpec;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::agents::Agents;
use super::error::SessionError;
use super::machine::Machine;
use super::more_links::MoreLinks;
use super::task::{Dialer, Order, Task};
use super::view::{Phase, View};
use crate::clock::Clock;
use crate::link::{Connection, LinkState, Links};

/// How often a call that waits for a place looks whether there is one.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Orders that wait for a session's task. More are not needed: a waiting call
/// repeats its order when the view changes.
const ORDERS_MAX: usize = 32;

/// A session. Clones are the same session.
#[derive(Debug, Clone)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: Id,
    /// As it was asked for, passwords included; the machine's memory only.
    spec: SshSpec,
    secret_gone: bool,
    opened_by: String,
    view: watch::Receiver<View>,
    link: watch::Receiver<LinkState>,
    orders: mpsc::Sender<Order>,
    closing: CancellationToken,
    /// Whether it stays: it was brought back, or its connect has succeeded.
    settled: watch::Sender<bool>,
}

/// What a session's task is made of.
pub(super) struct Parts {
    pub(super) id: Id,
    pub(super) spec: SshSpec,
    /// An inline secret of it went with the daemon that had it.
    pub(super) secret_gone: bool,
    pub(super) opened_by: String,
    pub(super) own_agents: Vec<PathBuf>,
    pub(super) rehydrated: bool,
    pub(super) dialer: Dialer,
    pub(super) agents: Agents,
    pub(super) clock: Clock,
    pub(super) closing: CancellationToken,
}

impl Session {
    /// Starts the task that owns the session.
    pub(super) fn start(parts: Parts, tasks: &TaskTracker) -> Self {
        let (view, seen) = watch::channel(View::new());
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let (links, link) = watch::channel(LinkState::Down);
        let task = Task {
            id: parts.id.clone(),
            machine: Machine::new(parts.spec.auto_reconnect, parts.rehydrated),
            view: Arc::new(view),
            orders: taken,
            dialer: parts.dialer,
            agents: parts.agents,
            own_agents: parts.own_agents,
            clock: parts.clock,
            closing: parts.closing.clone(),
            dialling: None,
            retry_at: None,
            up_since: None,
            more: MoreLinks::default(),
            links,
        };
        tasks.spawn(task.run());
        Self(Arc::new(Inner {
            id: parts.id,
            spec: parts.spec,
            secret_gone: parts.secret_gone,
            opened_by: parts.opened_by,
            view: seen,
            link,
            orders,
            closing: parts.closing,
            settled: watch::Sender::new(parts.rehydrated),
        }))
    }

    /// The caller's name for it.
    pub fn id(&self) -> &Id {
        &self.0.id
    }

    /// As it was asked for.
    pub fn spec(&self) -> &SshSpec {
        &self.0.spec
    }

    /// The client that asked for it.
    pub fn opened_by(&self) -> &str {
        &self.0.opened_by
    }

    /// Whether another password or passphrase would help: its own went with an
    /// earlier daemon, or the server refused what it has.
    pub(super) fn wants_secret(&self) -> bool {
        self.0.secret_gone || self.view().phase == Phase::NeedsAuth
    }

    /// As it is now.
    pub fn view(&self) -> View {
        self.0.view.borrow().clone()
    }

    /// Its link as everything below a session follows it.
    fn link(&self) -> watch::Receiver<LinkState> {
        self.0.link.clone()
    }

    /// The same, with further connections, for what runs on its host for longer
    /// than any link.
    pub fn links(&self) -> Links {
        let (session, upped) = (self.clone(), self.clone());
        Links {
            state: self.link(),
            up: Arc::new(move |wait| {
                let session = upped.clone();
                Box::pin(async move { Ok(session.reach(wait).await?) })
            }),
            place: Arc::new(move || {
                let session = session.clone();
                Box::pin(async move { session.place(SESSION_WAIT).await.ok() })
            }),
        }
    }

    /// Has a link dialled that is down; nobody waits for it.
    pub async fn want(&self) {
        if matches!(*self.0.link.borrow(), LinkState::Down) {
            self.order(Order::Wanted).await;
        }
    }

    /// Its link, waiting for it up to `wait`, at most [`SESSION_WAIT`], and
    /// dialling when nobody does.
    pub async fn connection(&self, wait: Duration) -> Result<Arc<Connection>, SessionError> {
        self.reach(wait.min(SESSION_WAIT)).await
    }

    /// The same, however long that may be.
    async fn reach(&self, wait: Duration) -> Result<Arc<Connection>, SessionError> {
        let deadline = Instant::now() + wait;
        let mut seen = self.0.view.clone();
        let dials = seen.borrow().dials;
        let mut asked_at: Option<(Phase, u64)> = None;
        loop {
            let view = seen.borrow_and_update().clone();
            if let Some(connection) = self.settled(&view, dials)? {
                return Ok(connection);
            }
            // Asking again where nothing changed would only wake the task.
            if asked_at.replace((view.phase, view.dials)) != Some((view.phase, view.dials)) {
                self.order(Order::Wanted).await;
            }
            match timeout_at(deadline, seen.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_gone)) => {
                    return Err(SessionError::Closed {
                        id: self.0.id.clone(),
                    });
                }
                Err(_late) => {
                    let (reason, next) = self.view().failure.map_or_else(
                        || ("it is still dialling".to_owned(), String::new()),
                        |failure| (failure.message, failure.next),
                    );
                    let id = self.0.id.clone();
                    return Err(SessionError::Timeout {
                        id,
                        waited_s: wait.as_secs(),
                        reason,
                        next,
                    });
                }
            }
        }
    }

    /// The same, but a connection that has a place for another command: where
    /// the server allows only so many on one (`MaxSessions`), a further one to
    /// the same host, or the first place that is given back.
    pub async fn place(&self, wait: Duration) -> Result<Arc<Connection>, SessionError> {
        let deadline = Instant::now() + wait.min(SESSION_WAIT);
        let mut seen = self.0.view.clone();
        loop {
            let left = deadline.duration_since(Instant::now());
            let first = self.connection(left).await?;
            let view = seen.borrow_and_update().clone();
            let all: Vec<_> = std::iter::once(first).chain(view.more).collect();
            // From here on none that is given back is missed.
            let freed: Vec<_> = all.iter().map(|one| one.place_freed()).collect();
            let has_place =
                |one: &&Arc<Connection>| !one.closed().is_cancelled() && one.has_place();
            if let Some(found) = all.iter().find(has_place) {
                return Ok(Arc::clone(found));
            }
            self.order(Order::More).await;
            let changed = async {
                tokio::select! {
                    _any = seen.changed() => {}
                    () = any_freed(freed) => {}
                    // A server may have room again without a word.
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            };
            if timeout_at(deadline, changed).await.is_err() {
                let why = self.view().more_failure;
                return Err(SessionError::NoPlace {
                    id: self.0.id.clone(),
                    connections: all.len(),
                    why: why.map(|failure| failure.message).unwrap_or_default(),
                });
            }
        }
    }

    /// The outcome of the first dial.
    pub(super) async fn first_dial(&self) -> Result<Arc<Connection>, SessionError> {
        let mut seen = self.0.view.clone();
        let dialled = seen.wait_for(|view| view.dials > 0 || view.closed).await;
        let view = match dialled {
            Ok(view) => view.clone(),
            Err(_gone) => {
                return Err(SessionError::Closed {
                    id: self.0.id.clone(),
                });
            }
        };
        match (self.settled(&view, 0)?, view.failure) {
            (Some(connection), _) => Ok(connection),
            (None, Some(failure)) => Err(SessionError::NotUp {
                id: self.0.id.clone(),
                failure,
            }),
            (None, None) => Err(SessionError::Closed {
                id: self.0.id.clone(),
            }),
        }
    }

    /// Drops the link and waits for a new one.
    pub async fn reconnect(&self, wait: Duration) -> Result<Arc<Connection>, SessionError> {
        let mut seen = self.0.view.clone();
        let dials = seen.borrow_and_update().dials;
        self.order(Order::Reconnect).await;
        let deadline = Instant::now() + wait;
        // From here on a failed dial counts as this call's own.
        match timeout_at(
            deadline,
            seen.wait_for(|view| view.dials > dials || view.closed),
        )
        .await
        {
            Ok(Ok(view)) => {
                let view = view.clone();
                match (self.settled(&view, dials)?, view.failure) {
                    (Some(connection), _) => Ok(connection),
                    (None, Some(failure)) => Err(SessionError::NotUp {
                        id: self.0.id.clone(),
                        failure,
                    }),
                    (None, None) => Err(SessionError::Closed {
                        id: self.0.id.clone(),
                    }),
                }
            }
            Ok(Err(_gone)) => Err(SessionError::Closed {
                id: self.0.id.clone(),
            }),
            Err(_late) => Err(SessionError::Timeout {
                id: self.0.id.clone(),
                waited_s: wait.as_secs(),
                reason: "it is still dialling".into(),
                next: String::new(),
            }),
        }
    }

    /// The calling client's agent, to be tried first from now on.
    pub async fn bring_agent(&self, path: PathBuf) {
        self.order(Order::Agent(path)).await;
    }

    /// It stays.
    pub(super) fn settle(&self) {
        self.0.settled.send_replace(true);
    }

    /// Waits until it is known whether it stays.
    pub(super) async fn is_settled(&self) -> bool {
        let mut settled = self.0.settled.subscribe();
        tokio::select! {
            biased;
            stays = settled.wait_for(|settled| *settled) => stays.is_ok(),
            () = self.0.closing.cancelled() => false,
        }
    }

    /// Whether `other` is this very session, not one that took its id over.
    pub(super) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Ends it for good, without waiting.
    pub(super) fn begin_close(&self) {
        self.0.closing.cancel();
    }

    /// Ends it for good; returns when its link is gone.
    pub async fn close(&self) {
        self.0.closing.cancel();
        let mut seen = self.0.view.clone();
        if seen.wait_for(|view| view.closed).await.is_err() {
            tracing::debug!(session = %self.0.id, "its task had ended already");
        }
    }

    /// The link when it is up; an error when waiting cannot help, judged by
    /// dials that ended after the first `dials`.
    fn settled(&self, view: &View, dials: u64) -> Result<Option<Arc<Connection>>, SessionError> {
        let id = || self.0.id.clone();
        if view.closed {
            return Err(SessionError::Closed { id: id() });
        }
        if let LinkState::Up(connection) = &view.link
            && !connection.closed().is_cancelled()
        {
            return Ok(Some(Arc::clone(connection)));
        }
        let Some(failure) = &view.failure else {
            return Ok(None);
        };
        let stopped = matches!(view.phase, Phase::NeedsAuth | Phase::HostKeyChanged);
        if stopped || (view.dials > dials && !failure.passing) {
            return Err(SessionError::NotUp {
                id: id(),
                failure: failure.clone(),
            });
        }
        Ok(None)
    }

    async fn order(&self, order: Order) {
        if self.0.orders.send(order).await.is_err() {
            tracing::debug!(session = %self.0.id, "the session is closed");
        }
    }
}

async fn any_freed(freed: Vec<watch::Receiver<u64>>) {
    let waiting = freed.into_iter().map(|mut one| {
        Box::pin(async move {
            // A link that ends wakes its waiters by the view.
            if one.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    });
    futures::future::select_all(waiting).await;
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt;

    use super::*;
    use crate::link::LinkError;

    fn session(dialer: Dialer, auto_reconnect: bool) -> Session {
        let parts = Parts {
            id: Id::new("web").unwrap(),
            spec: SshSpec {
                auto_reconnect,
                ..SshSpec::default()
            },
            secret_gone: false,
            opened_by: "test".into(),
            own_agents: Vec::new(),
            rehydrated: false,
            dialer,
            agents: Agents::default(),
            clock: Clock::system(),
            closing: CancellationToken::new(),
        };
        Session::start(parts, &TaskTracker::new())
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_fails_its_session_with_a_reason_and_the_next_call_dials_anew() {
        let dials = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&dials);
        let session = session(
            Arc::new(move |_| {
                let dial = counted.fetch_add(1, Ordering::Relaxed);
                async move {
                    assert!(dial > 0, "a defect");
                    Err(LinkError::Lost("refused".into()))
                }
                .boxed()
            }),
            false,
        );
        let error = session.first_dial().await.unwrap_err();
        assert!(error.to_string().contains("defect"), "{error}");
        let error = session
            .connection(Duration::from_secs(2))
            .await
            .unwrap_err();
        assert!(matches!(error, SessionError::Timeout { .. }), "{error}");
        assert!(dials.load(Ordering::Relaxed) > 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_refused_credential_is_not_tried_again_by_calls() {
        let dials = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&dials);
        let session = session(
            Arc::new(move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
                async { Err(LinkError::PassphraseNeeded { path: "k".into() }) }.boxed()
            }),
            true,
        );
        for _ in 0..3 {
            let error = session
                .connection(Duration::from_secs(5))
                .await
                .unwrap_err();
            assert!(matches!(error, SessionError::NotUp { .. }), "{error}");
        }
        assert_eq!(dials.load(Ordering::Relaxed), 1);
        assert_eq!(session.view().phase, Phase::NeedsAuth);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_session_ends_its_task_and_its_waiters() {
        let session = session(Arc::new(|_| std::future::pending().boxed()), true);
        let waiter = session.clone();
        let waiting = async move { waiter.connection(Duration::from_secs(10)).await };
        let (answer, ()) = tokio::join!(waiting, session.close());
        assert!(matches!(answer.unwrap_err(), SessionError::Closed { .. }));
    }
}
