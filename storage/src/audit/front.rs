//! The log's newest end: what is in the tail and not yet in a segment.

use std::collections::VecDeque;
use std::sync::Arc;

use super::call::{CallEnd, NewCall};
use super::chain::{ChainKey, Code};
use super::entry::{CallV1, Content, EndV1, Entry, ReadV1};
use super::error::AuditError;
use super::polls::{Polls, Read};
use super::shelf::End;
use super::tail::{Tail, frame};

/// Entries that may wait for the disk before calls are refused: with a healthy
/// disk it is 200 ms of them.
const WAITING_MAX: usize = 20_000;

/// The state behind the log's one lock.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) key: ChainKey,
    pub(super) tail: Tail,
    pub(super) run: u64,
    /// The newest entry and call number that were given out.
    pub(super) end: End,
    /// In the tail, not known to be in a segment; oldest first.
    pub(super) waiting: VecDeque<Arc<Entry>>,
    /// The newest entry in a segment.
    pub(super) folded: End,
    pub(super) polls: Polls,
    /// What the durable checkpoint has set aside: no call number above it.
    pub(super) reserved_seq: u64,
    /// Fold at once up to this entry.
    pub(super) wanted: u64,
    /// The folder waits for the first work; else it looks by itself soon.
    pub(super) folder_rests: bool,
    /// Folds that failed, and why the last did.
    pub(super) failures: u64,
    pub(super) failure: String,
    pub(super) closing: bool,
    pub(super) closed: bool,
}

impl Front {
    /// Whether a fold should not wait for its 200 ms.
    pub(super) fn is_pressing(&self) -> bool {
        self.closing || self.wanted > self.folded.number
    }

    pub(super) fn has_work(&self) -> bool {
        !self.waiting.is_empty() || self.polls.are_ready()
    }

    /// The call number that comes next.
    pub(super) fn next_seq(&self) -> u64 {
        self.end.last_seq.saturating_add(1)
    }

    pub(super) fn intent(&mut self, call: &NewCall) -> Result<u64, AuditError> {
        if self.closing {
            return Err(AuditError::Closed);
        }
        if self.waiting.len() >= WAITING_MAX {
            return Err(AuditError::Behind {
                waiting: self.waiting.len(),
            });
        }
        let seq = self.next_seq();
        self.push(&[Content::Intent(CallV1::new(seq, self.run, call))], seq)?;
        Ok(seq)
    }

    pub(super) fn outcome(&mut self, seq: u64, end: &CallEnd) -> Result<(), AuditError> {
        if self.closed {
            return Err(AuditError::Closed);
        }
        self.push(&[Content::Outcome(EndV1::new(seq, end))], self.end.last_seq)
    }

    /// Moves reads to the tail; with `held`, also polls that may go on. Reads
    /// that cannot be written are counted as lost.
    pub(super) fn absorb(&mut self, held: bool) {
        let reads = self.polls.take(held);
        if reads.is_empty() {
            return;
        }
        let mut last_seq = self.end.last_seq;
        let contents: Vec<Content> = reads
            .iter()
            .map(|read| {
                last_seq = last_seq.saturating_add(1);
                read_content(last_seq, self.run, read)
            })
            .collect();
        if let Err(error) = self.push(&contents, last_seq) {
            tracing::warn!(%error, reads = reads.len(), "reads could not be recorded");
            self.polls.lose(reads.len());
        }
    }

    /// Forgets what a segment has, and drops it from the tail.
    pub(super) fn folded_up_to(&mut self, folded: End) {
        self.folded = folded;
        while self
            .waiting
            .front()
            .is_some_and(|entry| entry.number <= folded.number)
        {
            self.waiting.pop_front();
        }
        let rest: Vec<&Entry> = self.waiting.iter().map(AsRef::as_ref).collect();
        if let Err(error) = self.tail.shorten(rest.into_iter()) {
            tracing::warn!(%error, "the audit's tail could not be shortened");
        }
    }

    /// Chains the contents and writes them to the tail, in one write.
    fn push(&mut self, contents: &[Content], last_seq: u64) -> Result<(), AuditError> {
        let mut frames = Vec::with_capacity(1024);
        let mut entries = Vec::with_capacity(contents.len());
        let End {
            mut number,
            mut code,
            ..
        } = self.end;
        for content in contents {
            let entry = chained(&self.key, &mut number, &mut code, content)?;
            frame(&entry, &mut frames);
            entries.push(Arc::new(entry));
        }
        self.tail.append(&frames).map_err(AuditError::Write)?;
        self.waiting.extend(entries);
        self.end = End {
            number,
            code,
            last_seq,
        };
        Ok(())
    }
}

/// The next link; moves number and code on.
pub(super) fn chained(
    key: &ChainKey,
    number: &mut u64,
    code: &mut Code,
    content: &Content,
) -> Result<Entry, AuditError> {
    let body = content.to_body()?;
    *number = number.saturating_add(1);
    *code = key.code(code, *number, &body);
    Ok(Entry {
        number: *number,
        body,
        code: *code,
    })
}

fn read_content(seq: u64, run: u64, read: &Read) -> Content {
    Content::Read(ReadV1 {
        call: CallV1::new(seq, run, &read.call),
        end: EndV1::new(seq, &read.end),
        count: read.count,
        last_at_ms: read.last_at_ms,
    })
}
