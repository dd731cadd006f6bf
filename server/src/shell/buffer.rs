//! What a shell printed last, addressed by a position that only grows.

use std::collections::VecDeque;
use std::ops::Range;

/// What is kept of a shell's output, in bytes. Two hundred full ones are 200 MiB.
pub(super) const KEPT_BYTES: usize = 1 << 20;

/// The end of a stream. Positions count all bytes that came from its beginning on,
/// those too that were hidden or lost: so a held shell's positions are the offsets of
/// its record on the host, and mean the same to every daemon that follows it.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    kept: VecDeque<u8>,
    /// The position of the first byte that is kept.
    start: u64,
    /// Stretches behind `start` that came and are not kept, in order.
    hidden: VecDeque<Range<u64>>,
}

/// A piece of what is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Where it begins: later than asked for where that is no longer kept.
    pub(super) at: u64,
    /// How much of what was asked for fell out.
    pub(super) lost: u64,
    /// Stretches behind `at` of which no byte is in it, in order.
    hidden: Vec<Range<u64>>,
}

impl Piece {
    /// Bytes that were kept elsewhere.
    pub(super) fn of(at: u64, bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            at,
            lost: 0,
            hidden: Vec::new(),
        }
    }

    /// The position of its byte `index`, or behind its last one.
    pub(super) fn position(&self, index: usize) -> u64 {
        position(self.at, &self.hidden, index)
    }

    /// The position behind its last byte, and behind what is hidden there.
    pub(super) fn end(&self) -> u64 {
        self.position(self.bytes.len())
    }

    /// Leaves out what is behind a position.
    pub(super) fn truncate(&mut self, to: u64) {
        let to = index(self.at, &self.hidden, to.max(self.at));
        self.bytes.truncate(to);
    }
}

impl Buffer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(KEPT_BYTES);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let over = (self.kept.len() + bytes.len()).saturating_sub(KEPT_BYTES);
        if skipped > 0 {
            self.skip(skipped as u64);
        } else {
            self.drop_first(over);
        }
        self.kept.extend(bytes);
    }

    /// So many bytes came here that nobody is shown.
    pub(super) fn hide(&mut self, bytes: u64) {
        let from = self.end();
        if bytes > 0 {
            self.hidden.push_back(from..from + bytes);
        }
    }

    fn drop_first(&mut self, count: usize) {
        if count > 0 {
            self.start = position(self.start, &self.hidden, count);
            self.kept.drain(..count);
            let start = self.start;
            self.hidden.retain(|stretch| stretch.end > start);
        }
    }

    /// Something is missing here that never came.
    pub(super) fn skip(&mut self, bytes: u64) {
        if bytes > 0 {
            self.start = self.end().saturating_add(bytes);
            self.kept.clear();
            self.hidden.clear();
        }
    }

    /// The position of the first byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        position(self.start, &self.hidden, self.kept.len())
    }

    /// How many bytes are kept behind a position.
    pub(super) fn kept_behind(&self, from: u64) -> u64 {
        (self.kept.len() - self.index(from)) as u64
    }

    fn index(&self, from: u64) -> usize {
        let at = from.clamp(self.start, self.end());
        index(self.start, &self.hidden, at)
    }

    /// At most `most` bytes from `from` on; nothing from a position that is not
    /// reached yet.
    pub(super) fn read(&self, from: u64, most: usize) -> Piece {
        let at = from.clamp(self.start, self.end());
        let skipped = self.index(at);
        let (first, second) = self.kept.as_slices();
        let bytes = [
            part(first, skipped, most),
            part(
                second,
                skipped.saturating_sub(first.len()),
                most.saturating_sub(first.len().saturating_sub(skipped)),
            ),
        ]
        .concat();
        Piece {
            bytes,
            at,
            lost: at.saturating_sub(from),
            hidden: self
                .hidden
                .iter()
                .filter(|stretch| stretch.end > at)
                .cloned()
                .collect(),
        }
    }
}

/// The position of the byte `index` of those from `start` on, of which none is in a
/// stretch of `hidden`. Each of these ends behind `start`.
fn position<'a>(start: u64, hidden: impl IntoIterator<Item = &'a Range<u64>>, index: usize) -> u64 {
    let mut position = start + index as u64;
    for stretch in hidden {
        if stretch.start > position {
            break;
        }
        position += stretch.end - stretch.start.max(start);
    }
    position
}

/// How many bytes stand between `start` and a position behind it.
fn index<'a>(start: u64, hidden: impl IntoIterator<Item = &'a Range<u64>>, to: u64) -> usize {
    let mut count = to - start;
    for stretch in hidden {
        let (from, end) = (stretch.start.max(start), stretch.end.min(to));
        count -= end.saturating_sub(from);
    }
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// At most `most` bytes behind the first `skipped`.
fn part(bytes: &[u8], skipped: usize, most: usize) -> &[u8] {
    let rest = bytes.get(skipped..).unwrap_or_default();
    rest.get(..most).unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_out_is_counted_and_positions_stay() {
        let mut buffer = Buffer::default();
        buffer.push(b"abc");
        buffer.push(&vec![b'x'; KEPT_BYTES - 1]);
        assert_eq!((buffer.start(), buffer.end()), (2, KEPT_BYTES as u64 + 2));
        let piece = buffer.read(0, 2);
        assert_eq!(
            (piece.bytes.as_slice(), piece.at, piece.lost),
            (&b"cx"[..], 2, 2)
        );
        buffer.push(&vec![b'y'; 3 * KEPT_BYTES]);
        assert_eq!(buffer.end(), 4 * KEPT_BYTES as u64 + 2);
        assert_eq!(buffer.end() - buffer.start(), KEPT_BYTES as u64);
        assert_eq!(buffer.read(buffer.start(), 1).bytes, b"y");
    }

    #[test]
    fn a_read_is_the_same_wherever_the_ring_has_its_seam() {
        let mut buffer = Buffer::default();
        let mut all = Vec::new();
        for n in 0..700_u32 {
            let piece = format!("{n},").repeat(1_000).into_bytes();
            buffer.push(&piece);
            all.extend_from_slice(&piece);
        }
        let start = usize::try_from(buffer.start()).unwrap();
        assert!(start > 0);
        for from in (start..all.len()).step_by(99_991) {
            for most in [1, 5_000, 600_000, KEPT_BYTES] {
                let piece = buffer.read(from as u64, most);
                let end = (from + most).min(all.len());
                assert!(piece.bytes == all[from..end], "{from} {most}");
            }
        }
    }

    #[test]
    fn a_read_is_repeatable_and_one_beyond_the_end_is_empty() {
        let mut buffer = Buffer::default();
        buffer.push(b"abc");
        for _ in 0..2 {
            assert_eq!(buffer.read(1, 9).bytes, b"bc");
        }
        let beyond = buffer.read(7, 9);
        assert_eq!((beyond.bytes.len(), beyond.at, beyond.lost), (0, 3, 0));
    }

    #[test]
    fn what_is_hidden_takes_positions_and_is_read_by_nobody() {
        let mut buffer = Buffer::default();
        buffer.push(b"ab");
        buffer.hide(10);
        buffer.hide(5);
        buffer.push(b"cd");
        buffer.hide(3);
        assert_eq!(buffer.end(), 22);
        for (from, bytes) in [
            (0, &b"abcd"[..]),
            (1, b"bcd"),
            (2, b"cd"),
            (9, b"cd"),
            (18, b"d"),
        ] {
            let piece = buffer.read(from, 9);
            assert_eq!((piece.bytes.as_slice(), piece.lost), (bytes, 0), "{from}");
            assert_eq!(piece.end(), 22, "{from}");
            assert_eq!(buffer.kept_behind(from), bytes.len() as u64, "{from}");
        }
        let piece = buffer.read(0, 3);
        assert_eq!(
            [0, 1, 2, 3].map(|index| piece.position(index)),
            [0, 1, 17, 18]
        );
        let mut part = buffer.read(0, 9);
        part.truncate(17);
        assert_eq!(part.bytes, b"ab");
        // As the kept bytes fall out, so do the stretches between them.
        buffer.push(&vec![b'x'; KEPT_BYTES - 1]);
        assert_eq!(
            (buffer.start(), buffer.end()),
            (18, 22 + KEPT_BYTES as u64 - 1)
        );
        assert_eq!(buffer.read(0, 2).bytes, b"dx");
        buffer.push(&vec![b'y'; KEPT_BYTES]);
        assert_eq!(
            (buffer.start(), buffer.hidden.len()),
            (22 + KEPT_BYTES as u64 - 1, 0)
        );
    }

    #[test]
    fn what_never_came_is_lost_to_whoever_reads_over_it() {
        let mut buffer = Buffer::default();
        buffer.push(b"abc");
        buffer.skip(10);
        buffer.push(b"d");
        let piece = buffer.read(0, 9);
        assert_eq!(
            (piece.bytes.as_slice(), piece.at, piece.lost),
            (&b"d"[..], 13, 13)
        );
    }
}
