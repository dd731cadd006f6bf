//! Further connections of one session: sshd lets only so many commands run at
//! once on one (`MaxSessions`, 10 by default), and ssh(1) opens another then.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::watch;
use tokio::time::Instant;

use super::view::{Failure, View};
use crate::link::{Connection, Disposition, LinkError};

/// Connections beside the first: with sshd's usual limit, 80 commands at once.
const MORE_MAX: usize = 7;

/// How long one stays without a command.
const IDLE_STAY: Duration = Duration::from_mins(1);

/// How often it is looked whether one was idle that long.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How soon after a failure another dial is tried.
const FAILED_REST: Duration = Duration::from_secs(5);

type Dialling = BoxFuture<'static, Result<Connection, LinkError>>;

/// Those that a session's task owns; everyone sees them in its view.
#[derive(Default)]
pub(super) struct MoreLinks {
    dialling: Option<Dialling>,
    failed_at: Option<Instant>,
    /// The host refused what the first connection got in with: one try
    /// (FAULTS 30), until that one is made anew.
    is_refused: bool,
    look_at: Option<Instant>,
}

/// What there is to do about them.
pub(super) enum MoreEvent {
    /// A dial has ended.
    Dialled(Box<Result<Connection, LinkError>>),
    /// It is time to see which are idle.
    LookDue,
}

impl MoreLinks {
    /// Waits for what is next; for ever when there are none.
    pub(super) async fn next(&mut self) -> MoreEvent {
        let look_at = self.look_at;
        let look = async {
            match look_at {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let Some(dialling) = &mut self.dialling else {
            look.await;
            return MoreEvent::LookDue;
        };
        tokio::select! {
            outcome = dialling => MoreEvent::Dialled(Box::new(outcome)),
            () = look => MoreEvent::LookDue,
        }
    }

    /// A call found no place: dials, unless that is under way, would be one too
    /// many, or has failed just now.
    pub(super) fn wanted(&mut self, dial: impl FnOnce() -> Dialling, view: &watch::Sender<View>) {
        prune(view);
        let failed_now = self.failed_at.is_some_and(|at| at.elapsed() < FAILED_REST);
        let has_place = |one: &Arc<Connection>| one.has_place();
        let enough =
            view.borrow().more.len() >= MORE_MAX || view.borrow().more.iter().any(has_place);
        if self.dialling.is_none() && !enough && !failed_now && !self.is_refused {
            self.dialling = Some(dial());
        }
    }

    /// The first connection was made anew.
    pub(super) fn first_is_up(&mut self) {
        self.is_refused = false;
    }

    /// A dial has ended.
    pub(super) fn dialled(
        &mut self,
        outcome: Result<Connection, LinkError>,
        view: &watch::Sender<View>,
    ) {
        self.dialling = None;
        self.look_at = Some(Instant::now() + LOOK_EVERY);
        match outcome {
            Ok(connection) => {
                tracing::info!(address = %connection.address(), "one more connection");
                self.failed_at = None;
                view.send_modify(|view| {
                    view.more.push(Arc::new(connection));
                    view.more_failure = None;
                });
            }
            Err(error) => {
                let failure = Failure::from(&error);
                tracing::info!(why = %failure.message, "no further connection");
                self.failed_at = Some(Instant::now());
                self.is_refused = matches!(
                    error.disposition(),
                    Disposition::NeedsAuth | Disposition::HostKey
                );
                view.send_modify(|view| view.more_failure = Some(failure));
            }
        }
    }

    /// Ends those that were idle for long.
    pub(super) fn look(&mut self, view: &watch::Sender<View>) {
        for one in &view.borrow().more {
            if one.idle_for().is_some_and(|idle| idle >= IDLE_STAY) {
                one.closed().cancel();
            }
        }
        prune(view);
        let any = !view.borrow().more.is_empty();
        self.look_at = any.then(|| Instant::now() + LOOK_EVERY);
    }

    /// Ends all, without a goodbye.
    pub(super) fn drop_all(&mut self, view: &watch::Sender<View>) {
        self.dialling = None;
        for one in taken(view) {
            one.closed().cancel();
        }
    }

    /// Ends all.
    pub(super) async fn close_all(&mut self, view: &watch::Sender<View>) {
        self.dialling = None;
        for one in taken(view) {
            one.close().await;
            one.closed().cancel();
        }
    }
}

fn prune(view: &watch::Sender<View>) {
    view.send_if_modified(|view| {
        let before = view.more.len();
        view.more.retain(|one| !one.closed().is_cancelled());
        view.more.len() != before
    });
}

fn taken(view: &watch::Sender<View>) -> Vec<Arc<Connection>> {
    let mut more = Vec::new();
    view.send_if_modified(|view| {
        more = std::mem::take(&mut view.more);
        !more.is_empty()
    });
    more
}
