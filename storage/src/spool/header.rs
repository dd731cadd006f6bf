//! The beginning of a stream's file: what it is, how long its regions are, and
//! the two numbers that say which bytes are in it.

use super::layout::{Bounds, HEADER_LENGTH};

const MAGIC: [u8; 8] = *b"rsmspool";
/// A changed layout is a new number; this one's is never edited.
const FORMAT: u32 = 1;

/// Where `floor` lies, and behind it `total`: each is written alone, in one
/// write within one page, which a kill does not tear.
pub(super) const FLOOR_AT: u64 = 32;
pub(super) const TOTAL_AT: u64 = 40;

/// All numbers are little-endian: magic, format (u32), zero (u32), head, ring,
/// floor, total (u64 each), zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) bounds: Bounds,
    /// Of what lies behind the head, bytes before this are lost. It is raised
    /// before the ring is written over, so it may exceed `total` when a writer
    /// was killed: then of the end nothing is kept.
    pub(super) floor: u64,
    /// Bytes written so far, lost ones included.
    pub(super) total: u64,
}

/// What a read of a stream is about to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) lost_bytes: u64,
}

impl Header {
    /// Of an empty stream.
    pub(super) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            floor: bounds.head,
            total: 0,
        }
    }

    /// Where what is kept of the end begins.
    pub(super) fn end_from(self) -> u64 {
        self.floor.max(self.bounds.head).min(self.total)
    }

    /// Bytes that are no longer kept.
    pub(super) fn lost(self) -> u64 {
        self.end_from().saturating_sub(self.bounds.head)
    }

    /// What of the stream up to `max` bytes from `offset` are; never across
    /// the gap.
    pub(super) fn span(self, offset: u64, max: u64) -> Span {
        let asked = offset.min(self.total);
        let head_to = self.bounds.head.min(self.total);
        let (offset, to) = if asked < head_to {
            (asked, head_to)
        } else {
            (asked.max(self.end_from()), self.total)
        };
        Span {
            offset,
            length: (to - offset).min(max),
            lost_bytes: offset - asked,
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LENGTH);
        bytes.extend(MAGIC);
        bytes.extend(FORMAT.to_le_bytes());
        bytes.extend([0; 4]);
        for number in [self.bounds.head, self.bounds.ring, self.floor, self.total] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.resize(HEADER_LENGTH, 0);
        bytes
    }

    /// The header of a file of `file_bytes`, or what is wrong with it.
    pub(super) fn decode(bytes: &[u8; HEADER_LENGTH], file_bytes: u64) -> Result<Self, String> {
        if !bytes.starts_with(&MAGIC) {
            return Err("it is no stream's file".into());
        }
        let (format, _) = numbers(bytes, 8);
        if format != u64::from(FORMAT) {
            return Err(format!(
                "it has format {format}, this program knows {FORMAT}"
            ));
        }
        let (head, ring) = numbers(bytes, 16);
        let (floor, total) = numbers(bytes, FLOOR_AT);
        let bounds = Bounds { head, ring };
        let header = Self {
            bounds,
            floor,
            total,
        };
        if !bounds.fit() || floor < head || total - header.end_from() > ring {
            return Err("its header contradicts itself".into());
        }
        let least = bounds.file_bytes(total);
        if file_bytes < least {
            return Err(format!("it has {file_bytes} bytes of {least}"));
        }
        Ok(header)
    }
}

/// The two numbers that lie at `at`.
fn numbers(bytes: &[u8; HEADER_LENGTH], at: u64) -> (u64, u64) {
    let from = usize::try_from(at).unwrap_or(HEADER_LENGTH);
    let mut words = bytes
        .get(from..)
        .unwrap_or_default()
        .as_chunks::<8>()
        .0
        .iter()
        .map(|word| u64::from_le_bytes(*word));
    (words.next().unwrap_or(0), words.next().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::layout::HEADER_BYTES;
    use super::*;

    const BOUNDS: Bounds = Bounds { head: 10, ring: 4 };

    fn header(floor: u64, total: u64) -> Header {
        Header {
            bounds: BOUNDS,
            floor,
            total,
        }
    }

    fn decoded(header: Header, file_bytes: u64) -> Result<Header, String> {
        let bytes = header.encode();
        Header::decode(bytes.as_slice().try_into().unwrap(), file_bytes)
    }

    #[test]
    fn a_read_gives_the_head_or_the_end_and_counts_what_lies_between() {
        // (floor, total), (offset, max), (offset, length, lost)
        let table = [
            ((10, 5), (0, 99), (0, 5, 0)),
            ((10, 5), (3, 1), (3, 1, 0)),
            ((10, 5), (9, 99), (5, 0, 0)),
            ((10, 13), (0, 99), (0, 10, 0)),
            ((10, 13), (10, 99), (10, 3, 0)),
            ((96, 100), (9, 99), (9, 1, 0)),
            ((96, 100), (10, 99), (96, 4, 86)),
            ((96, 100), (98, 1), (98, 1, 0)),
            ((96, 100), (999, 9), (100, 0, 0)),
            ((300, 100), (10, 9), (100, 0, 90)),
            ((300, 5), (2, 9), (2, 3, 0)),
        ];
        for ((floor, total), (asked, max), (offset, length, lost_bytes)) in table {
            let expected = Span {
                offset,
                length,
                lost_bytes,
            };
            assert_eq!(
                header(floor, total).span(asked, max),
                expected,
                "{floor} {total} {asked}"
            );
        }
        assert_eq!(header(96, 100).lost(), 86);
        assert_eq!((header(10, 14).lost(), header(10, 3).lost()), (0, 0));
    }

    #[test]
    fn what_was_encoded_is_decoded_and_what_cannot_be_is_refused() {
        for good in [
            header(10, 0),
            header(96, 100),
            header(300, 100),
            header(300, 5),
        ] {
            assert_eq!(decoded(good, 1000), Ok(good));
        }
        let table = [
            (header(10, 5), HEADER_BYTES + 4, "68 bytes of 69"),
            (header(95, 100), 1000, "contradicts"),
            (header(9, 5), 1000, "contradicts"),
            (
                Header::new(Bounds { head: 1, ring: 0 }),
                1000,
                "contradicts",
            ),
            (
                Header::new(Bounds {
                    head: u64::MAX,
                    ring: u64::MAX,
                }),
                1000,
                "contradicts",
            ),
        ];
        for (bad, file_bytes, reason) in table {
            let refused = decoded(bad, file_bytes).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn another_programs_file_and_a_newer_format_are_refused() {
        let mut bytes: [u8; 64] = header(10, 0).encode().try_into().unwrap();
        bytes[8] = 2;
        assert!(Header::decode(&bytes, 99).unwrap_err().contains("format 2"));
        bytes[0] = b'x';
        assert!(
            Header::decode(&bytes, 99)
                .unwrap_err()
                .contains("no stream")
        );
        assert!(Header::decode(&[0; 64], 99).is_err());
    }
}
