//! The beginning and the end of what is too much to show: all that an answer
//! can have room for, whatever there is.

use std::io;

use super::{Read, whole_characters};

/// What there is from an offset on, less its middle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Excerpt {
    /// Where it begins.
    pub offset: u64,
    /// Its beginning.
    pub head: Vec<u8>,
    /// Bytes between the two, left out here or no longer kept.
    pub missing: u64,
    /// Its end, or what follows the beginning where nothing is missing.
    pub tail: Vec<u8>,
    /// Where what follows begins.
    pub next_offset: u64,
}

/// What there is between `from` and `total`, with `most` bytes each of its
/// beginning and its end. Where something is missing, no character is cut by it.
pub fn excerpt(read: &Read<'_>, from: u64, total: u64, most: usize) -> io::Result<Excerpt> {
    let mut found = Excerpt {
        offset: from,
        ..Excerpt::default()
    };
    let mut at = from;
    while found.head.len() < most && at < total {
        let part = read(at, most - found.head.len())?;
        if part.data.is_empty() || part.lost_bytes > 0 {
            break;
        }
        at = part.next_offset;
        found.head.extend_from_slice(&part.data);
    }
    let head_end = at;
    at = at.max(total.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX)));
    let mut tail_from = at;
    while at < total {
        let part = read(at, usize::try_from(total - at).unwrap_or(usize::MAX))?;
        if part.data.is_empty() {
            break;
        }
        if found.tail.is_empty() {
            tail_from = part.offset;
        }
        at = part.next_offset;
        found.tail.extend_from_slice(&part.data);
    }
    found.next_offset = at;
    found.missing = tail_from - head_end;
    if found.missing > 0 {
        let whole = whole_characters(&found.head);
        found.missing += (found.head.len() - whole) as u64;
        found.head.truncate(whole);
        let begun = found.tail.iter().take(3);
        let begun = begun
            .take_while(|byte| (0x80..0xC0).contains(*byte))
            .count();
        found.missing += begun as u64;
        found.tail.drain(..begun);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::kept::Kept;

    fn of(kept: &Kept, from: u64, most: usize) -> Excerpt {
        let read = |offset, max| Ok(kept.read(offset, max));
        excerpt(&read, from, kept.total(), most).unwrap()
    }

    #[test]
    fn what_fits_is_whole_and_of_more_the_middle_is_counted() {
        let mut kept = Kept::default();
        kept.append(&(0..100).collect::<Vec<u8>>());
        let whole = of(&kept, 10, 45);
        assert_eq!(
            (whole.head.len(), whole.missing, whole.tail.len()),
            (45, 0, 45)
        );
        let cut = of(&kept, 10, 3);
        assert_eq!((cut.head, cut.tail), (vec![10, 11, 12], vec![97, 98, 99]));
        assert_eq!((cut.offset, cut.missing, cut.next_offset), (10, 84, 100));
    }

    #[test]
    fn what_is_lost_is_missing_too_wherever_it_lies() {
        let mut kept = Kept::default();
        kept.append(&vec![7; 8 << 20]);
        let total = kept.total();
        for (from, most) in [(0, 1000), ((256 << 10) - 10, 1000), (0, 8 << 20)] {
            let cut = of(&kept, from, most);
            let shown = (cut.head.len() + cut.tail.len()) as u64;
            assert_eq!(from + shown + cut.missing, total, "{from} {most}");
            assert!(cut.missing > 0 && cut.next_offset == total);
        }
    }

    #[test]
    fn no_character_is_cut_by_what_is_missing() {
        let mut kept = Kept::default();
        kept.append("ä€🦀".repeat(100).as_bytes());
        for most in 10..30 {
            let cut = of(&kept, 0, most);
            for piece in [cut.head, cut.tail] {
                assert!(String::from_utf8(piece).is_ok(), "{most}");
            }
        }
    }
}
