//! What a shell printed last, addressed by a position that only grows.

use std::collections::VecDeque;

/// What is kept of a shell's output, in bytes. Two hundred full ones are 200 MiB.
pub(super) const KEPT_BYTES: usize = 1 << 20;

/// The end of a stream. Positions count bytes from its beginning.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    kept: VecDeque<u8>,
    /// The position of the first byte that is kept.
    start: u64,
}

/// A piece of what is kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) bytes: Vec<u8>,
    /// Where it begins: later than asked for where that is no longer kept.
    pub(super) at: u64,
    /// How much of what was asked for fell out.
    pub(super) lost: u64,
}

impl Buffer {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let skipped = bytes.len().saturating_sub(KEPT_BYTES);
        let bytes = bytes.get(skipped..).unwrap_or_default();
        let over = (self.kept.len() + bytes.len()).saturating_sub(KEPT_BYTES);
        self.kept.drain(..over.min(self.kept.len()));
        self.start += (over + skipped) as u64;
        self.kept.extend(bytes);
    }

    /// Something is missing here that never came.
    pub(super) fn skip(&mut self, bytes: u64) {
        if bytes > 0 {
            self.start = self.end().saturating_add(bytes);
            self.kept.clear();
        }
    }

    /// The position of the first byte that is kept.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// The position behind the last byte.
    pub(super) fn end(&self) -> u64 {
        self.start + self.kept.len() as u64
    }

    /// At most `most` bytes from `from` on; nothing from a position that is not
    /// reached yet.
    pub(super) fn read(&self, from: u64, most: usize) -> Piece {
        let at = from.clamp(self.start, self.end());
        let skipped = usize::try_from(at - self.start).unwrap_or(usize::MAX);
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
        }
    }
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
