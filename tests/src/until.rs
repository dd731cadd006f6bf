//! Waiting for a condition, with a deadline: the one place that sleeps.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// What most conditions may take on a busy machine.
pub const SOON: Duration = Duration::from_secs(20);

/// Waits until `found` has something; panics naming `what` after `limit`.
pub fn until<T>(what: &str, limit: Duration, found: impl FnMut() -> Option<T>) -> T {
    attempt(limit, found).unwrap_or_else(|| panic!("{what}: not within {limit:?}"))
}

/// Waits until `holds`; panics naming `what` after `limit`.
pub fn until_true(what: &str, limit: Duration, mut holds: impl FnMut() -> bool) {
    until(what, limit, || holds().then_some(()));
}

/// Waits until `found` has something, `limit` at most.
pub fn attempt<T>(limit: Duration, mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = found() {
            return Some(value);
        }
        if start.elapsed() > limit {
            return None;
        }
        pause(POLL);
    }
}

/// Lets time pass where the passing itself is the story: a random moment
/// before a kill, or a while in which nothing may happen.
pub fn pause(length: Duration) {
    std::thread::sleep(length);
}
