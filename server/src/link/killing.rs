//! Ending a command: a signal, KILL after a grace period, then giving up.

use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;

use super::command::Kill;

/// From the first signal to KILL, and from KILL to giving up.
const KILL_GRACE: Duration = Duration::from_secs(3);

/// How one signal is brought to the command.
pub(super) type Deliver<'a> = Box<dyn Fn(Kill) -> BoxFuture<'a, ()> + Send + Sync + 'a>;

/// One command's ending.
pub(super) struct Killing<'a> {
    deliver: Deliver<'a>,
    asked: Option<Kill>,
    /// When the next step is due; none before the first.
    due: Option<Instant>,
    is_last: bool,
    delivering: Option<BoxFuture<'a, ()>>,
}

impl<'a> Killing<'a> {
    pub(super) fn new(deliver: Deliver<'a>) -> Self {
        Self {
            deliver,
            asked: None,
            due: None,
            is_last: false,
            delivering: None,
        }
    }

    /// Asked for; what was asked for before goes on.
    pub(super) fn begin(&mut self, kill: Kill) {
        if self.due.is_none() {
            self.is_last = false;
            self.send(kill.clone());
            self.asked = Some(kill);
        }
    }

    fn send(&mut self, kill: Kill) {
        self.delivering = Some((self.deliver)(kill));
        self.due = Some(Instant::now() + KILL_GRACE);
    }

    /// Delivers, and returns when the next step is due.
    pub(super) async fn wait(&mut self) {
        let Some(due) = self.due else {
            return std::future::pending().await;
        };
        if let Some(delivering) = &mut self.delivering {
            tokio::select! {
                () = delivering => self.delivering = None,
                () = tokio::time::sleep_until(due) => return,
            }
        }
        tokio::time::sleep_until(due).await;
    }

    /// The next step; false when there is none.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(asked) = self.asked.clone().filter(|_| !self.is_last) else {
            self.due = None;
            return false;
        };
        self.is_last = true;
        self.send(Kill {
            signal: "KILL".into(),
            ..asked
        });
        true
    }
}
