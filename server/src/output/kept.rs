//! Bytes in memory, kept within bounds: the beginning and the end. What falls
//! out of the middle is counted.

use std::collections::VecDeque;

use storage::spool::Part;

/// How much of the beginning is kept, in bytes.
const HEAD_MAX: usize = 256 << 10;

/// How much of the end is kept, in bytes.
const TAIL_MAX: usize = 768 << 10;

/// The bytes of one stream. Offsets count raw bytes from its beginning and
/// only grow.
#[derive(Debug, Default)]
pub(super) struct Kept {
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
}

impl Kept {
    /// Takes over the next bytes; never waits, never grows past its bounds.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let room = HEAD_MAX.saturating_sub(self.head.len()).min(bytes.len());
        let (first, rest) = bytes.split_at(room);
        self.head.extend_from_slice(first);
        let rest = rest
            .get(rest.len().saturating_sub(TAIL_MAX)..)
            .unwrap_or(rest);
        let over = (self.tail.len() + rest.len()).saturating_sub(TAIL_MAX);
        self.tail.drain(..over);
        self.tail.extend(rest);
    }

    /// Bytes written so far, dropped ones included.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Bytes that are no longer kept.
    pub(super) fn lost(&self) -> u64 {
        self.total - (self.head.len() + self.tail.len()) as u64
    }

    /// Everything from `offset`, as one piece; `lost_bytes` counts the gaps.
    pub(super) fn read_all(&self, offset: u64) -> Part {
        let mut all = self.read(offset, usize::MAX);
        let behind = self.read(all.next_offset, usize::MAX);
        all.data.extend_from_slice(&behind.data);
        all.next_offset = behind.next_offset;
        all.lost_bytes += behind.lost_bytes;
        all
    }

    /// Up to `max` bytes from `offset`. A piece never spans a gap.
    pub(super) fn read(&self, offset: u64, max: usize) -> Part {
        let offset = offset.min(self.total);
        let tail_from = self.total - self.tail.len() as u64;
        // Lengths here are below HEAD_MAX + TAIL_MAX, so they fit a usize.
        if let Some(head) = usize::try_from(offset)
            .ok()
            .and_then(|at| self.head.get(at..))
            && !head.is_empty()
        {
            let data = head.get(..max.min(head.len())).unwrap_or(head).to_vec();
            return Part {
                next_offset: offset + data.len() as u64,
                data,
                offset,
                lost_bytes: 0,
            };
        }
        let from = offset.max(tail_from);
        let skip = usize::try_from(from - tail_from).unwrap_or(usize::MAX);
        let data: Vec<u8> = self.tail.iter().skip(skip).take(max).copied().collect();
        Part {
            next_offset: from + data.len() as u64,
            data,
            offset: from,
            lost_bytes: from - offset,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_all_there_at_its_offsets() {
        let mut kept = Kept::default();
        kept.append(b"hello ");
        kept.append(b"world");
        assert_eq!(kept.read(0, 100).data, b"hello world");
        assert_eq!(
            kept.read(6, 3),
            Part {
                data: b"wor".into(),
                offset: 6,
                next_offset: 9,
                lost_bytes: 0
            }
        );
        assert_eq!(
            kept.read(99, 3),
            Part {
                data: vec![],
                offset: 11,
                next_offset: 11,
                lost_bytes: 0
            }
        );
    }

    #[test]
    fn of_too_much_beginning_and_end_stay_and_the_middle_is_counted() {
        let mut kept = Kept::default();
        for n in 0..4_000_u32 {
            kept.append(&n.to_be_bytes().repeat(256));
        }
        let total = 4_000 * 1024;
        assert_eq!(kept.total(), total);
        assert_eq!(kept.lost(), total - (HEAD_MAX + TAIL_MAX) as u64);
        let head = kept.read(0, usize::MAX);
        assert_eq!(head.data.len(), HEAD_MAX);
        let tail = kept.read(head.next_offset, usize::MAX);
        assert_eq!(tail.lost_bytes, kept.lost());
        assert_eq!(tail.data.len(), TAIL_MAX);
        assert_eq!(tail.data[TAIL_MAX - 4..], 3_999_u32.to_be_bytes());
        assert_eq!(tail.next_offset, total);
        let all = kept.read_all(1);
        assert_eq!(all.data.len(), HEAD_MAX + TAIL_MAX - 1);
        assert_eq!((all.offset, all.next_offset), (1, total));
        assert_eq!(all.lost_bytes, kept.lost());
    }

    #[test]
    fn one_write_larger_than_all_bounds_is_bounded_too() {
        let mut kept = Kept::default();
        kept.append(&vec![7; 8 << 20]);
        assert_eq!(kept.total(), 8 << 20);
        assert_eq!(kept.read(HEAD_MAX as u64, usize::MAX).data.len(), TAIL_MAX);
    }
}
