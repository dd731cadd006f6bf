//! What of a stream waits for a reader that is slow: a link has no back-pressure for
//! one stream alone, so all that comes is taken. In memory first, then on the disk,
//! and both have an end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;

use super::budget::Budget;
use super::pieces::Pieces;

/// In memory, of one stream, in bytes, with what its pieces cost.
const MEMORY_MAX: usize = 4 << 20;

/// What is written to the disk at once, in bytes.
const WRITE_AT_ONCE: usize = 1 << 20;

/// What is read from the disk at once, in bytes.
const READ_AT_ONCE: u64 = 256 << 10;

/// One file, in bytes; it goes when it has been read.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Pieces that are offered to the reader at once.
const SLICES: usize = 16;

/// Why more cannot wait.
#[derive(Debug, thiserror::Error)]
pub(super) enum Overflow {
    /// All streams together have too much.
    #[error("its reader is too slow, and as much waits for slow readers as may")]
    Full,
    /// The disk does not take it.
    #[error("its reader is too slow, and what waits for it cannot be kept on the disk")]
    Disk(#[source] io::Error),
}

/// The bytes that wait, oldest first: `front`, the segments, `back`.
#[derive(Debug)]
pub(super) struct Backlog {
    budget: Arc<Budget>,
    front: Pieces,
    segments: VecDeque<Segment>,
    /// On the way to the disk.
    back: Pieces,
}

/// A part on the disk.
#[derive(Debug)]
struct Segment {
    file: Arc<File>,
    written: u64,
    read: u64,
}

impl Backlog {
    pub(super) fn new(budget: Arc<Budget>) -> Self {
        Self {
            budget,
            front: Pieces::default(),
            segments: VecDeque::new(),
            back: Pieces::default(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.front.is_empty() && self.segments.is_empty() && self.back.is_empty()
    }

    /// Takes what came. It is not to be given up half-way.
    pub(super) async fn push(&mut self, data: Bytes) -> Result<(), Overflow> {
        if data.is_empty() {
            return Ok(());
        }
        let is_in_order = self.segments.is_empty() && self.back.is_empty();
        let cost = self.front.cost_of(&data);
        let fits = self.front.cost() + cost <= MEMORY_MAX;
        if is_in_order && (self.front.is_empty() || (fits && self.budget.take_memory(cost))) {
            if self.front.is_empty() {
                self.budget.force_memory(cost);
            }
            self.front.push(data);
            return Ok(());
        }
        let cost = self.back.cost_of(&data);
        let has_room = self.budget.take_memory(cost);
        if !has_room {
            self.budget.force_memory(cost);
        }
        self.back.push(data);
        if self.back.bytes() >= WRITE_AT_ONCE || !has_room {
            self.write_back().await?;
        }
        Ok(())
    }

    /// Pieces from the front, read from the disk where they are there; none when
    /// nothing waits. It is not to be given up half-way.
    pub(super) async fn fill(&mut self) -> Result<(), Overflow> {
        if !self.front.is_empty() {
            return Ok(());
        }
        if let Some(segment) = self.segments.front_mut() {
            let count = READ_AT_ONCE.min(segment.written - segment.read);
            let (file, at) = (Arc::clone(&segment.file), segment.read);
            let read = on_disk(move || read_at(&file, at, count)).await?;
            segment.read += count;
            if segment.read == segment.written {
                self.budget.give_disk(segment.written);
                self.segments.pop_front();
            }
            self.budget.force_memory(self.front.cost_of(&read));
            self.front.push(read);
        } else {
            self.front = std::mem::take(&mut self.back);
        }
        Ok(())
    }

    /// The first pieces in memory, after [`Backlog::fill`].
    pub(super) fn slices(&self) -> Vec<IoSlice<'_>> {
        self.front.slices(SLICES)
    }

    /// The reader has taken so many bytes of [`Backlog::slices`].
    pub(super) fn advance(&mut self, bytes: usize) {
        let before = self.front.cost();
        self.front.advance(bytes);
        self.budget.give_memory(before - self.front.cost());
    }

    async fn write_back(&mut self) -> Result<(), Overflow> {
        let last = self.segments.back();
        if last.is_none_or(|last| last.written >= SEGMENT_BYTES) {
            let folder = self.budget.folder.clone();
            self.segments.push_back(Segment {
                file: Arc::new(on_disk(move || tempfile::tempfile_in(folder)).await?),
                written: 0,
                read: 0,
            });
        }
        let bytes = self.back.bytes() as u64;
        if !self.budget.take_disk(bytes) {
            return Err(Overflow::Full);
        }
        let Some(segment) = self.segments.back_mut() else {
            return Ok(());
        };
        // Counted with the segment from here on, written or not.
        let at = segment.written;
        segment.written += bytes;
        let (file, pieces) = (Arc::clone(&segment.file), std::mem::take(&mut self.back));
        self.budget.give_memory(pieces.cost());
        on_disk(move || file.write_all_at(&pieces.into_one(), at)).await
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        self.budget
            .give_memory(self.front.cost() + self.back.cost());
        for segment in &self.segments {
            self.budget.give_disk(segment.written);
        }
    }
}

/// Runs `work` where a slow disk holds nobody else up.
async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, Overflow> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(Overflow::Disk),
        Err(panic) => Err(Overflow::Disk(io::Error::other(panic))),
    }
}

fn read_at(file: &File, at: u64, count: u64) -> io::Result<Bytes> {
    let mut buffer = vec![0; usize::try_from(count).map_err(io::Error::other)?];
    file.read_exact_at(&mut buffer, at)?;
    Ok(buffer.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes all that waits, so many bytes at once.
    async fn drained(backlog: &mut Backlog, at_once: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while !backlog.is_empty() {
            backlog.fill().await.unwrap();
            let first = backlog.slices()[0].to_vec();
            let taken = first.len().min(at_once);
            all.extend_from_slice(&first[..taken]);
            backlog.advance(taken);
        }
        all
    }

    fn piece(number: usize, bytes: usize) -> Bytes {
        let mut piece = vec![0; bytes];
        piece[0] = u8::try_from(number % 256).unwrap();
        piece[bytes - 1] = u8::try_from(number / 256).unwrap();
        piece.into()
    }

    #[tokio::test]
    async fn what_waits_comes_out_as_it_went_in_through_memory_and_disk() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::new(folder.path().into()));
        let mut backlog = Backlog::new(Arc::clone(&budget));
        let mut expected = Vec::new();
        // Through memory, into a third segment, while some of it is taken.
        for number in 0..1300 {
            let piece = piece(number, 32 << 10);
            expected.extend_from_slice(&piece);
            backlog.push(piece).await.unwrap();
        }
        let (memory, disk) = budget.used();
        assert!(memory <= 6 << 20, "{memory}");
        assert!(disk > 32 << 20 && backlog.segments.len() >= 3, "{disk}");
        let mut seen = Vec::new();
        for number in 1300..1400 {
            backlog.fill().await.unwrap();
            let first = backlog.slices()[0].to_vec();
            seen.extend_from_slice(&first);
            backlog.advance(first.len());
            let piece = piece(number, 1000);
            expected.extend_from_slice(&piece);
            backlog.push(piece).await.unwrap();
        }
        seen.extend(drained(&mut backlog, 100_003).await);
        assert!(seen == expected, "bytes are missing or out of order");
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn what_all_may_keep_has_an_end_and_is_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::with_disk(folder.path().into(), 8 << 20));
        let mut backlog = Backlog::new(Arc::clone(&budget));
        let mut pushed = 0;
        let full = loop {
            match backlog.push(piece(1, 64 << 10)).await {
                Ok(()) => pushed += 64 << 10,
                Err(full) => break full,
            }
        };
        assert!(matches!(full, Overflow::Full), "{full}");
        assert!((12 << 20..14 << 20).contains(&pushed), "{pushed}");
        drop(backlog);
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn many_that_wait_share_the_memory_and_each_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::new(folder.path().into()));
        let mut all: Vec<_> = (0..40).map(|_| Backlog::new(Arc::clone(&budget))).collect();
        for backlog in &mut all {
            for number in 0..60 {
                backlog.push(piece(number, 64 << 10)).await.unwrap();
            }
        }
        let (memory, disk) = budget.used();
        assert!(memory <= (64 << 20) + 40 * (65 << 10), "{memory}");
        assert!(disk > 0);
        for backlog in &mut all {
            assert_eq!(drained(backlog, usize::MAX).await.len(), 60 * (64 << 10));
        }
        drop(all);
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn small_pieces_cost_what_they_take_and_go_through_the_disk_together() {
        let folder = tempfile::tempdir().unwrap();
        let budget = Arc::new(Budget::new(folder.path().into()));
        let mut backlog = Backlog::new(Arc::clone(&budget));
        let mut expected = Vec::new();
        for number in 0..1_000_000 {
            let piece = piece(number % 60_000, 6);
            expected.extend_from_slice(&piece);
            backlog.push(piece).await.unwrap();
        }
        let (memory, disk) = budget.used();
        assert!(memory > 4 << 20 && memory <= 6 << 20, "{memory}");
        assert!(disk > 0);
        assert!(drained(&mut backlog, usize::MAX).await == expected);
        assert_eq!(budget.used(), (0, 0));
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_is_told() {
        let budget = Arc::new(Budget::new("/nowhere/at/all".into()));
        let mut backlog = Backlog::new(Arc::clone(&budget));
        let failed = loop {
            if let Err(error) = backlog.push(piece(0, 1 << 20)).await {
                break error;
            }
        };
        assert!(matches!(failed, Overflow::Disk(_)), "{failed}");
        drop(backlog);
        assert_eq!(budget.used(), (0, 0));
    }
}
