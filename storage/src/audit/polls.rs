//! Reads that wait to be recorded, equal ones of one client folded into one.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::call::{CallEnd, NewCall};

/// Reads that wait at once; more are counted, not kept. 200 ms at 20 000 a
/// second.
const READY_MAX: usize = 4096;

/// Clients whose polls are folded at once.
const CLIENTS_MAX: usize = 256;

/// How long equal polls are held together.
const HOLD_MS: i64 = 60_000;
pub(super) const HOLD: Duration = Duration::from_mins(1);

/// One read, or several equal ones.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) call: NewCall,
    pub(super) end: CallEnd,
    pub(super) count: u64,
    pub(super) last_at_ms: i64,
}

/// The waiting reads.
#[derive(Debug, Default)]
pub(super) struct Polls {
    ready: VecDeque<Read>,
    /// Each client's last read and how often it came again.
    repeats: HashMap<String, (Read, Instant)>,
    lost: u64,
}

impl Polls {
    /// Takes a read in. The first of equal ones is recorded soon, those that
    /// follow it together, when another comes or after a minute.
    pub(super) fn add(&mut self, call: NewCall, end: CallEnd) {
        let client = call.client.clone();
        let (at_ms, now) = (call.at_ms, Instant::now());
        if let Some((read, since)) = self.repeats.get_mut(&client)
            && is_equal(read, &call, &end)
            && at_ms.saturating_sub(read.call.at_ms) < HOLD_MS
        {
            if read.count == 0 {
                read.call.at_ms = at_ms;
                *since = now;
            }
            read.count += 1;
            read.last_at_ms = at_ms;
            return;
        }
        if self.repeats.len() >= CLIENTS_MAX {
            self.release(|_| true);
        }
        let read = Read {
            call,
            end,
            count: 1,
            last_at_ms: at_ms,
        };
        let template = Read {
            count: 0,
            ..read.clone()
        };
        if let Some((repeated, _)) = self.repeats.insert(client, (template, now))
            && repeated.count > 0
        {
            self.queue(repeated);
        }
        self.queue(read);
    }

    /// What is to be recorded now: with `held`, also polls that may go on.
    pub(super) fn take(&mut self, held: bool) -> Vec<Read> {
        self.release(|since| held || since.elapsed() >= HOLD);
        self.ready.drain(..).collect()
    }

    /// Whether something waits that no later poll will change.
    pub(super) fn are_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Counts reads that could not be recorded.
    pub(super) fn lose(&mut self, reads: usize) {
        self.lost = self
            .lost
            .saturating_add(u64::try_from(reads).unwrap_or(u64::MAX));
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    fn release(&mut self, due: impl Fn(&Instant) -> bool) {
        let mut released = Vec::new();
        self.repeats.retain(|_, (read, since)| {
            let goes = due(since);
            if goes && read.count > 0 {
                released.push(read.clone());
            }
            !goes
        });
        for read in released {
            self.queue(read);
        }
    }

    fn queue(&mut self, read: Read) {
        if self.ready.len() < READY_MAX {
            self.ready.push_back(read);
        } else {
            self.lose(1);
        }
    }
}

fn is_equal(read: &Read, call: &NewCall, end: &CallEnd) -> bool {
    read.call.tool == call.tool
        && read.call.arguments_json == call.arguments_json
        && read.end.outcome == end.outcome
        && read.end.code == end.code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn poll(polls: &mut Polls, client: &str, tool: &str, at_ms: i64) {
        let call = NewCall {
            client: client.into(),
            tool: tool.into(),
            at_ms,
            ..NewCall::default()
        };
        polls.add(call, CallEnd::default());
    }

    fn counts(reads: &[Read]) -> Vec<(&str, u64, i64)> {
        reads
            .iter()
            .map(|read| (read.call.tool.as_str(), read.count, read.last_at_ms))
            .collect()
    }

    #[test]
    fn equal_polls_of_a_client_become_one_until_it_reads_something_else() {
        let mut polls = Polls::default();
        for at in 0..10 {
            poll(&mut polls, "a", "wait", at);
            poll(&mut polls, "b", "list", at);
        }
        assert_eq!(counts(&polls.take(false)), [("wait", 1, 0), ("list", 1, 0)]);
        poll(&mut polls, "a", "list", 10);
        assert_eq!(
            counts(&polls.take(false)),
            [("wait", 9, 9), ("list", 1, 10)]
        );
        assert_eq!(counts(&polls.take(true)), [("list", 9, 9)]);
        assert!(polls.take(true).is_empty());
    }

    #[test]
    fn polls_of_more_than_a_minute_are_more_than_one_record() {
        let mut polls = Polls::default();
        for second in 0..150 {
            poll(&mut polls, "a", "wait", second * 1000);
        }
        let total: u64 = polls.take(true).iter().map(|read| read.count).sum();
        assert_eq!(total, 150);
    }

    #[test]
    fn what_does_not_fit_is_counted() {
        let mut polls = Polls::default();
        for at in 0..5000 {
            poll(&mut polls, "a", &format!("tool {at}"), at);
        }
        assert_eq!((polls.take(true).len(), polls.lost()), (4096, 904));
    }
}
