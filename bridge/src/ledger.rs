//! The client's open requests: who still owes them an answer, and what becomes
//! of them when the daemon goes away. Plain data, no I/O.

use std::time::{Duration, Instant};

use schema::limits::{DRAIN, IN_FLIGHT_MAX};

use crate::repeatable::{repeatable_method, repeatable_tool};
use crate::request_id::RequestId;

/// How long a request waits for a daemon that does not come: longer than one
/// that was told to end may take to let its calls end.
pub(crate) const HOLD_MAX: Duration = DRAIN.saturating_add(Duration::from_secs(6));

/// Lines of requests that wait for a daemon, all together: four of the longest.
const HELD_MAX_BYTES: usize = 64 << 20;

/// A request over this is not kept for repeating; questions are short.
const REPEAT_MAX_BYTES: usize = 256 << 10;

/// Times one request is repeated: it may be what kills the daemon.
const REPEATS_MAX: u8 = 2;

/// An open request.
#[derive(Debug)]
pub(crate) struct Open {
    /// The client's id of it.
    pub(crate) id: RequestId,
    /// Whether its answer is a tool's result.
    pub(crate) is_tool: bool,
    /// Whether it is the handshake of the older protocol era.
    pub(crate) is_initialize: bool,
    repeatable: bool,
    repeats: u8,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// It waits here, since then, for a daemon.
    Held { line: Vec<u8>, since: Instant },
    /// A daemon has it; a repeatable one is kept.
    Sent { kept: Option<Vec<u8>> },
}

/// Why a request is not taken.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many are open.
    Busy,
    /// One of that id is open.
    Duplicate,
}

/// All open requests, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    open: Vec<Open>,
    held_bytes: usize,
}

impl Ledger {
    /// Takes a request in; it is held until [`Ledger::release`].
    pub(crate) fn admit(
        &mut self,
        id: RequestId,
        method: &str,
        tool: Option<&str>,
        line: Vec<u8>,
        now: Instant,
    ) -> Result<(), NotTaken> {
        if self.open.iter().any(|open| open.id == id) {
            return Err(NotTaken::Duplicate);
        }
        let bytes = self.held_bytes.saturating_add(line.len());
        if self.open.len() >= IN_FLIGHT_MAX || bytes > HELD_MAX_BYTES {
            return Err(NotTaken::Busy);
        }
        self.held_bytes = bytes;
        self.open.push(Open {
            id,
            is_tool: tool.is_some(),
            is_initialize: method == "initialize",
            repeatable: tool.map_or_else(|| repeatable_method(method), repeatable_tool),
            repeats: 0,
            stage: Stage::Held { line, since: now },
        });
        Ok(())
    }

    /// The lines of all held requests, which a daemon gets now.
    pub(crate) fn release(&mut self) -> Vec<Vec<u8>> {
        self.held_bytes = 0;
        self.open.iter_mut().filter_map(Open::send).collect()
    }

    /// Takes out the request that was answered or cancelled.
    pub(crate) fn close(&mut self, id: &RequestId) -> Option<Open> {
        let at = self.open.iter().position(|open| open.id == *id)?;
        let closed = self.open.remove(at);
        if let Stage::Held { line, .. } = &closed.stage {
            self.held_bytes = self.held_bytes.saturating_sub(line.len());
        }
        Some(closed)
    }

    /// The daemon is gone: what can be repeated is held again, and the rest is
    /// handed out to be answered.
    pub(crate) fn daemon_lost(&mut self, now: Instant) -> Vec<Open> {
        self.hold_again(now, false)
    }

    /// The daemon refused before it read a request: this is no repetition.
    pub(crate) fn daemon_refused(&mut self, now: Instant) -> Vec<Open> {
        self.hold_again(now, true)
    }

    /// Takes out all that are held, or those that were held for too long.
    pub(crate) fn give_up(&mut self, older_than: Option<Instant>) -> Vec<Open> {
        let gone = |open: &mut Open| match &open.stage {
            Stage::Held { since, .. } => {
                older_than.is_none_or(|now| now.saturating_duration_since(*since) >= HOLD_MAX)
            }
            Stage::Sent { .. } => false,
        };
        let given_up: Vec<Open> = self.open.extract_if(.., gone).collect();
        self.count_held_bytes();
        given_up
    }

    /// When the longest held request has waited enough.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let since = self.open.iter().filter_map(Open::held_since).min()?;
        since.checked_add(HOLD_MAX)
    }

    /// Whether any request waits for a daemon.
    pub(crate) fn has_held(&self) -> bool {
        self.open.iter().any(|open| open.held_since().is_some())
    }

    /// Whether nothing is owed.
    pub(crate) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    fn hold_again(&mut self, now: Instant, unread: bool) -> Vec<Open> {
        let (mut kept, mut lost) = (Vec::new(), Vec::new());
        for mut open in self.open.drain(..) {
            if open.hold_again(now, unread) {
                kept.push(open);
            } else {
                lost.push(open);
            }
        }
        self.open = kept;
        self.count_held_bytes();
        lost
    }

    fn count_held_bytes(&mut self) {
        let bytes = |open: &Open| match &open.stage {
            Stage::Held { line, .. } => line.len(),
            Stage::Sent { .. } => 0,
        };
        self.held_bytes = self.open.iter().map(bytes).sum();
    }
}

impl Open {
    fn held_since(&self) -> Option<Instant> {
        match self.stage {
            Stage::Held { since, .. } => Some(since),
            Stage::Sent { .. } => None,
        }
    }

    fn send(&mut self) -> Option<Vec<u8>> {
        let keep = self.repeatable;
        match &mut self.stage {
            Stage::Sent { .. } => None,
            Stage::Held { line, .. } => {
                let line = std::mem::take(line);
                let kept = (keep && line.len() <= REPEAT_MAX_BYTES).then(|| line.clone());
                self.stage = Stage::Sent { kept };
                Some(line)
            }
        }
    }

    /// Whether it could be held again.
    fn hold_again(&mut self, since: Instant, unread: bool) -> bool {
        let Stage::Sent { kept } = &mut self.stage else {
            return true;
        };
        let Some(line) = kept.take() else {
            return false;
        };
        if !unread {
            self.repeats = self.repeats.saturating_add(1);
        }
        self.stage = Stage::Held { line, since };
        self.repeats <= REPEATS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> RequestId {
        RequestId::parse(&number.to_string()).unwrap()
    }

    fn call(ledger: &mut Ledger, number: usize, tool: &str, now: Instant) -> Result<(), NotTaken> {
        let line = format!("line {number}").into_bytes();
        ledger.admit(id(number), "tools/call", Some(tool), line, now)
    }

    fn numbers(open: &[Open]) -> Vec<&str> {
        open.iter().map(|open| open.id.raw()).collect()
    }

    #[test]
    fn a_request_is_held_then_sent_once_then_closed() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        call(&mut ledger, 1, "ssh_exec", now).unwrap();
        assert!(ledger.has_held());
        assert_eq!(ledger.release(), [b"line 1".to_vec()]);
        assert!(ledger.release().is_empty() && !ledger.has_held());
        assert!(ledger.close(&id(1)).is_some_and(|open| open.is_tool));
        assert!(ledger.is_empty() && ledger.close(&id(1)).is_none());
    }

    #[test]
    fn the_129th_is_not_taken_and_neither_is_a_second_of_the_same_id() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        for number in 0..IN_FLIGHT_MAX {
            call(&mut ledger, number, "status", now).unwrap();
        }
        assert_eq!(
            call(&mut ledger, 5, "status", now),
            Err(NotTaken::Duplicate)
        );
        assert_eq!(call(&mut ledger, 500, "status", now), Err(NotTaken::Busy));
        assert!(ledger.close(&id(7)).is_some());
        assert_eq!(call(&mut ledger, 500, "status", now), Ok(()));
    }

    #[test]
    fn what_waits_for_a_daemon_is_bounded_in_bytes() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        let half = vec![b' '; HELD_MAX_BYTES / 2 + 1];
        let admit = |ledger: &mut Ledger, number| {
            ledger.admit(
                id(number),
                "tools/call",
                Some("ssh_exec"),
                half.clone(),
                now,
            )
        };
        assert_eq!(admit(&mut ledger, 1), Ok(()));
        assert_eq!(admit(&mut ledger, 2), Err(NotTaken::Busy));
        assert_eq!(ledger.give_up(None).len(), 1);
        assert_eq!(admit(&mut ledger, 3), Ok(()));
    }

    #[test]
    fn a_lost_daemon_leaves_what_can_be_repeated_and_hands_out_the_rest() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        call(&mut ledger, 1, "ssh_exec", now).unwrap();
        call(&mut ledger, 2, "ssh_list", now).unwrap();
        ledger.release();
        call(&mut ledger, 3, "ssh_exec", now).unwrap();
        assert_eq!(numbers(&ledger.daemon_lost(now)), ["1"]);
        assert_eq!(ledger.release(), [b"line 2".to_vec(), b"line 3".to_vec()]);
    }

    #[test]
    fn a_request_that_outlives_no_daemon_is_repeated_twice_only() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        call(&mut ledger, 1, "ssh_list", now).unwrap();
        for _ in 0..2 {
            ledger.release();
            assert!(ledger.daemon_lost(now).is_empty());
        }
        ledger.release();
        assert_eq!(numbers(&ledger.daemon_lost(now)), ["1"]);
    }

    #[test]
    fn a_held_request_is_given_up_after_its_wait_and_a_sent_one_never() {
        let (mut ledger, now) = (Ledger::default(), Instant::now());
        call(&mut ledger, 1, "ssh_exec", now).unwrap();
        ledger.release();
        call(&mut ledger, 2, "ssh_exec", now).unwrap();
        assert_eq!(ledger.next_deadline(), Some(now + HOLD_MAX));
        assert!(ledger.give_up(Some(now)).is_empty());
        assert_eq!(numbers(&ledger.give_up(Some(now + HOLD_MAX))), ["2"]);
        assert_eq!(ledger.next_deadline(), None);
    }
}
