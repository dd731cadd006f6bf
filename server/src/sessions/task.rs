//! The one task that owns a session: it dials, watches the link, waits and
//! dials again, and tells everyone by a [`View`].

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use schema::{Code, Id};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::agents::Agents;
use super::backoff;
use super::machine::{Effect, Event, Machine};
use super::more_links::{MoreEvent, MoreLinks};
use super::view::{Failure, Phase, View};
use crate::clock::Clock;
use crate::link::{AgentSockets, Connection, LinkError, LinkState};

/// Dials with these agents. A value, so that a test can hand in
/// another.
pub(super) type Dialer =
    Arc<dyn Fn(AgentSockets) -> BoxFuture<'static, Result<Connection, LinkError>> + Send + Sync>;

/// What a handle asks of the task.
#[derive(Debug)]
pub(super) enum Order {
    /// A call waits for the link.
    Wanted,
    /// Drop the link and make a new one.
    Reconnect,
    /// The caller's own agent, to be tried first.
    Agent(PathBuf),
    /// A call waits for a place that no connection has.
    More,
}

/// A session's owner.
pub(super) struct Task {
    pub(super) id: Id,
    pub(super) machine: Machine,
    pub(super) view: Arc<watch::Sender<View>>,
    pub(super) orders: mpsc::Receiver<Order>,
    pub(super) dialer: Dialer,
    pub(super) agents: Agents,
    /// Agents of this session's own clients.
    pub(super) own_agents: Vec<PathBuf>,
    pub(super) clock: Clock,
    pub(super) closing: CancellationToken,
    pub(super) dialling: Option<BoxFuture<'static, Result<Connection, LinkError>>>,
    pub(super) retry_at: Option<Instant>,
    pub(super) up_since: Option<Instant>,
    pub(super) more: MoreLinks,
    /// What everything below a session sees.
    pub(super) links: watch::Sender<LinkState>,
}

/// What the task woke up for.
enum Input {
    Close,
    Ordered(Order),
    Dialled(Box<Result<Connection, LinkError>>),
    RetryDue,
    LinkEnded,
    AgentArrived,
    MoreDialled(Box<Result<Connection, LinkError>>),
    MoreDue,
}

impl Task {
    /// Runs until the session is closed. A panic ends what it was doing and
    /// nothing else (FAULTS 21): the next call dials anew.
    pub(super) async fn run(mut self) {
        self.apply(Event::Begun);
        while AssertUnwindSafe(self.serve()).catch_unwind().await.is_err() {
            tracing::error!(session = %self.id, "a defect ended what the session was doing");
            self.dialling = None;
            self.retry_at = None;
            self.machine.phase = Phase::Disconnected;
            self.links.send_replace(LinkState::Down);
            self.publish(|view| {
                view.link = LinkState::Down;
                view.dials += 1;
                view.failure = Some(Failure {
                    code: Code::Internal,
                    message: "a defect of this program ended it; the log has more".into(),
                    next: "the next call dials anew".into(),
                    passing: false,
                });
            });
        }
        self.shut().await;
    }

    async fn serve(&mut self) {
        let mut arrivals = self.agents.arrivals();
        arrivals.mark_unchanged();
        loop {
            let link = self.link();
            let input = tokio::select! {
                biased;
                () = self.closing.cancelled() => Input::Close,
                Some(order) = self.orders.recv() => Input::Ordered(order),
                outcome = pending_or(self.dialling.as_mut()) => Input::Dialled(Box::new(outcome)),
                () = sleep_or_never(self.retry_at) => Input::RetryDue,
                () = ended_or_never(link.as_ref()) => Input::LinkEnded,
                Ok(()) = arrivals.changed() => Input::AgentArrived,
                more = self.more.next() => match more {
                    MoreEvent::Dialled(outcome) => Input::MoreDialled(outcome),
                    MoreEvent::LookDue => Input::MoreDue,
                },
            };
            match input {
                Input::Close => return,
                input => self.take(input),
            }
        }
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Close => {}
            Input::Ordered(Order::Wanted) => {
                let failed_at = self.view.borrow().failed_at;
                let since = failed_at.map_or(Duration::MAX, |at| at.elapsed());
                self.apply(Event::Wanted(since));
            }
            Input::Ordered(Order::Reconnect) => {
                self.dialling = None;
                self.drop_link();
                self.apply(Event::ReconnectAsked);
            }
            Input::Ordered(Order::Agent(path)) => {
                self.own_agents.retain(|other| *other != path);
                self.own_agents.insert(0, path);
                self.own_agents.truncate(4);
            }
            Input::Dialled(outcome) => {
                self.dialling = None;
                self.dialled(*outcome);
            }
            Input::RetryDue => {
                self.retry_at = None;
                self.apply(Event::RetryDue);
            }
            Input::LinkEnded => self.link_ended(),
            Input::Ordered(Order::More) => {
                let dialler = || (self.dialer)(self.agents.beside(&self.own_agents));
                self.more.wanted(dialler, &self.view);
            }
            Input::MoreDialled(outcome) => self.more.dialled(*outcome, &self.view),
            Input::MoreDue => self.more.look(&self.view),
            Input::AgentArrived => self.apply(Event::AgentArrived),
        }
    }

    fn dialled(&mut self, outcome: Result<Connection, LinkError>) {
        match outcome {
            Ok(connection) => {
                tracing::info!(session = %self.id, address = %connection.address(), "up");
                let now = self.clock.now();
                self.up_since = Some(Instant::now());
                let connection = Arc::new(connection);
                connection.keep_spare();
                self.more.first_is_up();
                self.machine.on(Event::Up, 0);
                self.retry_at = None;
                self.links
                    .send_replace(LinkState::Up(Arc::clone(&connection)));
                self.publish(|view| {
                    view.reconnects += u64::from(view.connected_at.is_some());
                    view.connected_at = Some(now);
                    view.facts = connection.facts();
                    view.link = LinkState::Up(connection);
                    view.failure = None;
                    view.dials += 1;
                    view.next_retry_at = None;
                });
            }
            Err(error) => {
                let failure = Failure::from(&error);
                tracing::info!(session = %self.id, why = %failure.message, "not up");
                self.view.send_modify(|view| {
                    view.failure = Some(failure);
                    view.failed_at = Some(Instant::now());
                    view.dials += 1;
                });
                self.apply(Event::DialFailed(error.disposition()));
            }
        }
    }

    fn link_ended(&mut self) {
        let reason = self
            .link()
            .map(|link| link.end_reason())
            .unwrap_or_default();
        tracing::info!(session = %self.id, %reason, "the link was lost");
        let held = self
            .up_since
            .take()
            .map_or(Duration::ZERO, |since| since.elapsed());
        self.links.send_replace(LinkState::Down);
        self.view.send_modify(|view| {
            view.link = LinkState::Down;
            view.failure = Some(Failure {
                code: Code::NotConnected,
                message: format!("the connection was lost: {reason}"),
                next: String::new(),
                passing: true,
            });
        });
        self.apply(Event::Lost(held));
    }

    /// Asks the machine what to do, does it, and tells everyone.
    fn apply(&mut self, event: Event) {
        match self.machine.on(event, backoff::random()) {
            Effect::Dial if self.dialling.is_none() => {
                self.retry_at = None;
                self.dialling = Some((self.dialer)(self.agents.beside(&self.own_agents)));
            }
            // A dial that is under way is the next one.
            Effect::RetryAfter(wait) if self.dialling.is_none() => {
                self.retry_at = Some(Instant::now() + wait);
            }
            Effect::Rest if self.machine.phase != Phase::Reconnecting => self.retry_at = None,
            Effect::RetryAfter(_) | Effect::Dial | Effect::Rest => {}
        }
        let due = self
            .retry_at
            .map(|at| self.clock.now() + at.duration_since(Instant::now()));
        self.publish(|view| view.next_retry_at = due);
    }

    fn publish(&self, change: impl FnOnce(&mut View)) {
        let phase = self.machine.phase;
        self.view.send_modify(|view| {
            view.phase = phase;
            change(view);
        });
    }

    fn link(&self) -> Option<Arc<Connection>> {
        match &self.view.borrow().link {
            LinkState::Up(connection) => Some(Arc::clone(connection)),
            LinkState::Down => None,
        }
    }

    fn drop_link(&mut self) {
        self.up_since = None;
        if let Some(link) = self.link() {
            // Everything on the link hears of its end, and the server of it at once:
            // what it listened on for us is free for the next link.
            link.closed().cancel();
            link.close_later();
        }
        self.more.drop_all(&self.view);
        self.links.send_replace(LinkState::Down);
        self.view.send_modify(|view| view.link = LinkState::Down);
    }

    async fn shut(&mut self) {
        self.dialling = None;
        self.more.close_all(&self.view).await;
        let link = self.link();
        self.machine.phase = Phase::Disconnected;
        self.links.send_replace(LinkState::Down);
        self.publish(|view| {
            view.closed = true;
            view.link = LinkState::Down;
            view.next_retry_at = None;
        });
        if let Some(link) = link {
            link.close().await;
            link.closed().cancel();
        }
    }
}

async fn pending_or<T>(future: Option<&mut BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

async fn sleep_or_never(until: Option<Instant>) {
    match until {
        Some(until) => tokio::time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

async fn ended_or_never(link: Option<&Arc<Connection>>) {
    match link {
        Some(link) => link.closed().cancelled().await,
        None => std::future::pending().await,
    }
}
