//! Where a stream's bytes lie in its file: behind the header the beginning, in
//! a head that is written once, then the end, in a ring that is written over
//! and over.

/// The header's length, in bytes. What its fields leave is zero.
pub(super) const HEADER_LENGTH: usize = 64;
pub(super) const HEADER_BYTES: u64 = HEADER_LENGTH as u64;

/// Longer regions are no file of ours: with it no sum of theirs overflows.
const REGION_MAX_BYTES: u64 = 1 << 40;

/// How much of a stream is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Of the beginning, in bytes.
    pub head: u64,
    /// Of the end, in bytes; at least one.
    pub ring: u64,
}

/// 16 MiB a stream: whole for nearly every job, and some thirty that print
/// without end fit into what all jobs may use.
impl Default for Bounds {
    fn default() -> Self {
        Self {
            head: 8 << 20,
            ring: 8 << 20,
        }
    }
}

impl Bounds {
    /// Whether a file may have them.
    pub(super) fn fit(self) -> bool {
        self.head <= REGION_MAX_BYTES && (1..=REGION_MAX_BYTES).contains(&self.ring)
    }

    /// Where in the file the byte at `offset` of the stream lies, and how many
    /// of the stream lie side by side from there.
    pub(super) fn run(self, offset: u64) -> (u64, u64) {
        let Some(behind_head) = offset.checked_sub(self.head) else {
            return (HEADER_BYTES + offset, self.head - offset);
        };
        let at = behind_head.checked_rem(self.ring).unwrap_or(0);
        (HEADER_BYTES + self.head + at, self.ring - at)
    }

    /// The length of the file of a stream of `total` bytes.
    pub(super) fn file_bytes(self, total: u64) -> u64 {
        HEADER_BYTES + total.min(self.head + self.ring)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_lies_in_order_and_the_end_goes_round() {
        let bounds = Bounds { head: 10, ring: 4 };
        let table = [
            (0, (0, 10)),
            (9, (9, 1)),
            (10, (10, 4)),
            (13, (13, 1)),
            (14, (10, 4)),
            (10 + 4 * 1000 + 3, (13, 1)),
        ];
        for (offset, (position, length)) in table {
            assert_eq!(
                bounds.run(offset),
                (HEADER_BYTES + position, length),
                "offset {offset}"
            );
        }
        assert_eq!(bounds.file_bytes(3), HEADER_BYTES + 3);
        assert_eq!(bounds.file_bytes(u64::MAX), HEADER_BYTES + 14);
    }
}
