//! The wall clock, handed in so that a test can hand in another. Deadlines and
//! backoff never use it: they are monotonic (FAULTS 23).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Tells the time of day.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self(Arc::new(SystemTime::now))
    }

    /// A clock that a test moves.
    pub fn from_fn(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Now.
    pub fn now(&self) -> SystemTime {
        (self.0)()
    }

    /// Now in milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        ms_of(self.now())
    }
}

/// A time of day in milliseconds since 1970.
pub fn ms_of(time: SystemTime) -> i64 {
    let since = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The time of day so many milliseconds after 1970; none before.
pub fn from_ms(ms: i64) -> Option<SystemTime> {
    let since = Duration::from_millis(u64::try_from(ms).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

impl std::fmt::Debug for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

/// RFC 3339 in UTC with milliseconds, `2026-03-01T09:30:00.000Z`.
pub fn rfc3339(time: SystemTime) -> String {
    chrono::DateTime::<chrono::Utc>::from(time).to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// The same of milliseconds since 1970.
pub fn rfc3339_ms(ms: i64) -> String {
    chrono::DateTime::<chrono::Utc>::from_timestamp_millis(ms).map_or_else(String::new, |time| {
        time.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
    })
}

/// Milliseconds since 1970 of an RFC 3339 text.
pub fn ms_of_rfc3339(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|time| time.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_as_it_is_read() {
        let text = "2026-03-01T09:30:00.250Z";
        assert_eq!(rfc3339_ms(ms_of_rfc3339(text).unwrap()), text);
        assert_eq!(
            ms_of_rfc3339("2026-03-01T10:30:00.25+01:00"),
            ms_of_rfc3339(text)
        );
        assert_eq!(ms_of_rfc3339("yesterday"), None);
    }
}
