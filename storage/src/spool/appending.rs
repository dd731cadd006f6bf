//! What an append writes, in an order that a kill may end anywhere: before
//! bytes of the ring are written over, `floor` says that they are gone; then
//! come the new bytes; then `total` says that they are there.

use std::borrow::Cow;

use super::header::{FLOOR_AT, Header, TOTAL_AT};

/// One write to the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Write<'a> {
    /// Where in the file.
    pub(super) position: u64,
    pub(super) bytes: Cow<'a, [u8]>,
    /// What the file's header says once this is written.
    pub(super) then: Header,
}

/// The writes that add `bytes` to a stream of that header, of which those that
/// would be written over at once are left out. None if offsets are used up.
pub(super) fn writes(header: Header, bytes: &[u8]) -> Option<Vec<Write<'_>>> {
    let before = header.total;
    let total = before.checked_add(u64::try_from(bytes.len()).ok()?)?;
    let bounds = header.bounds;
    let floor = total
        .saturating_sub(bounds.ring)
        .max(header.end_from())
        .max(bounds.head);
    let mut then = header;
    let mut writes = Vec::new();
    if floor != header.floor {
        then.floor = floor;
        writes.push(number(FLOOR_AT, floor, then));
    }
    let head_to = bounds.head.min(total);
    for (from, to) in [(before, head_to), (before.max(floor), total)] {
        let index = |offset: u64| usize::try_from(offset.saturating_sub(before)).ok();
        let (mut at, mut rest) = (
            from,
            bytes.get(index(from)?..index(to)?).unwrap_or_default(),
        );
        while !rest.is_empty() {
            let (position, run) = bounds.run(at);
            let (now, later) = rest
                .split_at_checked(usize::try_from(run).unwrap_or(usize::MAX))
                .unwrap_or((rest, &[]));
            let bytes = Cow::Borrowed(now);
            writes.push(Write {
                position,
                bytes,
                then,
            });
            at += run;
            rest = later;
        }
    }
    then.total = total;
    writes.push(number(TOTAL_AT, total, then));
    Some(writes)
}

fn number(position: u64, number: u64, then: Header) -> Write<'static> {
    Write {
        position,
        bytes: Cow::Owned(number.to_le_bytes().into()),
        then,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::layout::{Bounds, HEADER_BYTES, HEADER_LENGTH};
    use super::*;

    /// A file in memory.
    #[derive(Default)]
    struct Disk(Vec<u8>);

    impl Disk {
        fn write(&mut self, position: u64, bytes: &[u8]) {
            let from = usize::try_from(position).unwrap();
            let to = from + bytes.len();
            self.0.resize(self.0.len().max(to), 0);
            self.0[from..to].copy_from_slice(bytes);
        }

        fn header(&self) -> Header {
            let bytes: &[u8; HEADER_LENGTH] = self.0.first_chunk().unwrap();
            Header::decode(bytes, self.0.len() as u64).unwrap()
        }

        /// Every byte that a reader would be given, with its offset.
        fn readable(&self) -> Vec<(u64, u8)> {
            let header = self.header();
            let mut found = Vec::new();
            let mut offset = 0;
            while offset < header.total {
                let span = header.span(offset, 7);
                for at in span.offset..span.offset + span.length {
                    let (position, _) = header.bounds.run(at);
                    found.push((at, self.0[usize::try_from(position).unwrap()]));
                }
                offset = span.offset + span.length;
            }
            found
        }
    }

    /// Killed after so many bytes of the writes, at the end if that is beyond.
    /// The numbers are written whole or not: that is what a kill leaves of a
    /// write of eight bytes within a page.
    fn append_until_killed(disk: &mut Disk, bytes: &[u8], mut killed_after: usize) {
        for write in writes(disk.header(), bytes).unwrap() {
            let is_number = write.position < HEADER_BYTES;
            let length = write.bytes.len();
            if killed_after >= length {
                disk.write(write.position, &write.bytes);
                assert_eq!(disk.header(), write.then);
                killed_after -= length;
                continue;
            }
            if !is_number {
                disk.write(write.position, &write.bytes[..killed_after]);
            }
            return;
        }
    }

    proptest! {
        #[test]
        fn killed_at_any_byte_the_file_says_the_truth_and_is_gone_on_with(
            (head, ring) in (0..20_u64, 1..20_u64),
            turns in prop::collection::vec((1..50_usize, 0..120_usize), 1..20),
        ) {
            let mut disk = Disk::default();
            disk.write(0, &Header::new(Bounds { head, ring }).encode());
            let mut appended: Vec<u8> = Vec::new();
            for (turn, (length, killed_after)) in turns.into_iter().enumerate() {
                // No two turns write the same, so that nothing is right by luck.
                let byte = |at: usize| {
                    let number = (turn * 64 + at) as u64;
                    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 56) as u8
                };
                let bytes: Vec<u8> = (0..length).map(byte).collect();
                let before = disk.header();
                append_until_killed(&mut disk, &bytes, killed_after);
                let now = disk.header();
                if now.total != before.total {
                    appended.extend(&bytes);
                }
                prop_assert_eq!(now.total, appended.len() as u64, "all of a turn or nothing");
                prop_assert!(now.lost() <= before.lost() + length as u64);
                let mut count = 0;
                for (at, byte) in disk.readable() {
                    prop_assert_eq!(byte, appended[usize::try_from(at).unwrap()], "at {}", at);
                    count += 1;
                }
                prop_assert_eq!(count + now.lost(), now.total);
            }
        }
    }

    #[test]
    fn an_append_longer_than_the_ring_writes_only_what_stays() {
        let header = Header::new(Bounds { head: 10, ring: 4 });
        let bytes = [7; 1000];
        let written: usize = writes(header, &bytes)
            .unwrap()
            .iter()
            .map(|write| write.bytes.len())
            .sum();
        assert_eq!(written, 8 + 10 + 4 + 8);
        let last = Header {
            total: u64::MAX,
            floor: u64::MAX - 4,
            ..header
        };
        assert_eq!(writes(last, &bytes), None);
    }
}
