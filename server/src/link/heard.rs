//! When the server was last heard. A command goes only into a link that was
//! heard within a keepalive: one that died in silence is found out first, and
//! the command, which was never sent, goes over the next link.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a server without keepalives may be silent before it is asked. A
/// question costs one round trip, a command sent into a dead link its outcome.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// How much later than its interval the answer to a keepalive may come, beside
/// two round trips.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// Noted by who reads the stream, asked by who is about to send.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    born: Instant,
    /// Milliseconds after `born`.
    last_ms: Arc<AtomicU64>,
    quiet_max: Duration,
}

impl Heard {
    /// Of a link with `keepalive`, to a server `round_trip` away, heard just now.
    pub(super) fn new(keepalive: Option<Duration>, round_trip: Duration) -> Self {
        Self {
            born: Instant::now(),
            last_ms: Arc::default(),
            quiet_max: keepalive.unwrap_or(QUIET_MAX) + ANSWER_MAX + 2 * round_trip,
        }
    }

    /// The server has said something.
    pub(super) fn note(&self) {
        self.last_ms.store(self.now_ms(), Ordering::Relaxed);
    }

    /// Whether it has said nothing for longer than a living one would.
    pub(super) fn is_quiet(&self) -> bool {
        let since_ms = self
            .now_ms()
            .saturating_sub(self.last_ms.load(Ordering::Relaxed));
        Duration::from_millis(since_ms) > self.quiet_max
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_is_quiet_once_a_keepalive_should_have_been_answered() {
        let heard = Heard::new(Some(Duration::from_secs(15)), Duration::from_millis(500));
        tokio::time::advance(Duration::from_secs(17)).await;
        assert!(!heard.is_quiet());
        tokio::time::advance(Duration::from_millis(10)).await;
        assert!(heard.is_quiet());
        heard.note();
        assert!(!heard.is_quiet());
    }

    #[tokio::test(start_paused = true)]
    async fn without_keepalives_it_is_asked_after_the_default() {
        let heard = Heard::new(None, Duration::ZERO);
        tokio::time::advance(Duration::from_millis(16_001)).await;
        assert!(heard.is_quiet());
    }
}
