//! When the daemon ends: asked by a signal or by control, idle for long, or
//! refusing with nobody to tell.

use std::future::pending;
use std::io;
use std::time::Duration;

use schema::limits::REFUSING_STAY;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::serve::front::{Front, Stage};

/// How often idleness is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// A signal, or control.
    Asked,
    /// Nothing to do for long.
    Idle,
    /// Refusing, and nobody wants to know why.
    RefusedLong,
}

/// The signals that ask for the end. Taken over before anybody can find the
/// daemon: one that comes while the databases open waits its turn.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Takes the signals over.
    pub fn take() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next that asks for the end.
    async fn asked(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // A closed terminal does not end a daemon.
                _ = self.hangup.recv() => {}
            }
        }
    }
}

/// Waits for the end of a daemon that is ready or refuses.
pub async fn wait(front: &Front, signals: &mut Signals, idle_exit: Option<Duration>) -> End {
    tokio::select! {
        () = signals.asked() => End::Asked,
        () = front.stop.cancelled() => End::Asked,
        end = silence(front, idle_exit) => end,
    }
}

async fn silence(front: &Front, idle_exit: Option<Duration>) -> End {
    match front.stage() {
        Stage::Refusing(_) => {
            unvisited(front, REFUSING_STAY, || true).await;
            End::RefusedLong
        }
        Stage::Ready(tools) => match idle_exit {
            Some(limit) => {
                unvisited(front, limit, || tools.is_idle()).await;
                End::Idle
            }
            None => pending().await,
        },
        Stage::Opening => pending().await,
    }
}

/// Returns when for `limit` there was no client, and `idle` held each time it
/// was looked at.
async fn unvisited(front: &Front, limit: Duration, idle: impl Fn() -> bool) {
    let mut clients = front.clients();
    let mut since = tokio::time::Instant::now();
    loop {
        if *clients.borrow_and_update() > 0 || !idle() {
            since = tokio::time::Instant::now();
        } else if since.elapsed() >= limit {
            return;
        }
        let next = LOOK_EVERY.min(limit.saturating_sub(since.elapsed()));
        tokio::select! {
            // A short visit between two looks counts too.
            Ok(()) = clients.changed() => since = tokio::time::Instant::now(),
            () = tokio::time::sleep(next) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::serve::front::Identity;
    use crate::serve::token::Token;
    use schema::hello::Format;
    use std::sync::Arc;

    fn front(stage: Stage) -> Arc<Front> {
        let identity = Identity {
            version: String::new(),
            instance: String::new(),
            pid: 0,
            state_path: "/s".into(),
            stopped_marker: "/m".into(),
            accepted_keys: "/k".into(),
            instructions: String::new(),
            format: Format::Toon,
            toolsets: Vec::new(),
        };
        let front = Front::new(identity, Token::generate().unwrap());
        front.set_stage(stage);
        front
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusing_daemon_stays_for_its_clients_and_then_goes() {
        let mut signals = Signals::take().unwrap();
        let front = front(Stage::Refusing("newer".into()));
        let present = front.enter();
        let early = tokio::time::timeout(REFUSING_STAY * 3, wait(&front, &mut signals, None)).await;
        assert!(early.is_err());
        drop(present);
        assert_eq!(wait(&front, &mut signals, None).await, End::RefusedLong);
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_daemon_goes_after_its_time() {
        let mut signals = Signals::take().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let tools = crate::tools::Tools::in_folder(folder.path());
        let front = front(Stage::Ready(tools));
        let minute = Duration::from_mins(1);
        let started = tokio::time::Instant::now();
        assert_eq!(wait(&front, &mut signals, Some(minute)).await, End::Idle);
        assert!(started.elapsed() >= minute && started.elapsed() < minute * 2);
        let never = tokio::time::timeout(minute * 99, wait(&front, &mut signals, None)).await;
        assert!(never.is_err());
    }
}
