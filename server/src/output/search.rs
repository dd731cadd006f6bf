//! Looking through kept output: its last lines, and the lines that match. In
//! memory that does not grow with the output.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io;

use regex_lite::Regex;

use super::lines::{Line, Lines, PIECE_BYTES};
use super::{Part, Read, plain};

/// What is shown of one line; its offset is there to read the rest.
const SHOWN_MAX_BYTES: usize = 4096;

/// Lines around a match, at most.
const CONTEXT_MAX: usize = 100;

/// What to look for.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// Matched against each line as harmless text.
    pub regex: &'a Regex,
    /// Lines to show before and after each.
    pub context: usize,
    /// Where to begin.
    pub from: u64,
    /// How many bytes of lines to give, about.
    pub most: usize,
    /// Nothing follows what there is: a last line without an end is a whole one.
    pub is_over: bool,
}

/// The last `lines` lines before `total`, `most` bytes at most.
pub fn tail(read: &Read<'_>, total: u64, lines: u64, most: usize) -> io::Result<Part> {
    let floor = total.saturating_sub(u64::try_from(most).unwrap_or(u64::MAX));
    let (mut start, mut left, mut lost_bytes) = (total, lines, 0);
    'looking: while start > floor && left > 0 {
        let from = start.saturating_sub(PIECE_BYTES as u64).max(floor);
        let wanted = usize::try_from(start - from).unwrap_or(usize::MAX);
        let part = read(from, wanted)?;
        // The ends of the lines before: the one at the very end begins none.
        let places = part.data.iter().enumerate().rev();
        for (at, _) in places.filter(|(_, byte)| **byte == b'\n') {
            let behind = part.offset + at as u64 + 1;
            if behind == total {
                continue;
            }
            left -= 1;
            if left == 0 {
                start = behind;
                break 'looking;
            }
        }
        start = part.offset;
        if part.offset > from || part.data.is_empty() {
            lost_bytes = part.lost_bytes;
            break;
        }
    }
    let mut data = Vec::new();
    let mut next = start;
    while next < total {
        let part = read(next, usize::try_from(total - next).unwrap_or(usize::MAX))?;
        if part.data.is_empty() {
            break;
        }
        data.extend_from_slice(&part.data);
        next = part.next_offset;
    }
    Ok(Part {
        data,
        offset: start,
        next_offset: next,
        lost_bytes,
    })
}

/// The lines that match, as `OFFSET:LINE`, those around them as `OFFSET-LINE`,
/// and `--` between groups, as grep(1) with `-b` writes them. The piece's
/// `next_offset` is where the next call goes on.
pub fn grep(read: &Read<'_>, wanted: &Wanted<'_>) -> io::Result<Part> {
    let context = wanted.context.min(CONTEXT_MAX);
    let mut lines = Lines::new(read, wanted.from);
    let mut found = Matches {
        before: VecDeque::with_capacity(context),
        after: 0,
        context,
        text: String::new(),
        last_end: None,
    };
    let mut next_offset = wanted.from;
    while let Some(line) = lines.next()? {
        if found.text.len() >= wanted.most {
            next_offset = line.offset;
            break;
        }
        let ended = u64::from(line.is_ended);
        next_offset = line.offset + line.bytes.len() as u64 + ended;
        let is_begun = !line.is_ended && !wanted.is_over;
        let begins = line.offset;
        found.take(&line, wanted.regex);
        if is_begun {
            // The rest of it may still come.
            next_offset = begins;
        }
    }
    Ok(Part {
        data: found.text.into_bytes(),
        offset: wanted.from,
        next_offset,
        lost_bytes: lines.lost_bytes,
    })
}

struct Matches {
    /// Lines that were not shown, for the context of a match to come.
    before: VecDeque<(u64, String)>,
    /// Lines that are still to be shown behind a match.
    after: usize,
    context: usize,
    text: String,
    /// Whether something was shown, and lines were skipped since.
    last_end: Option<bool>,
}

impl Matches {
    fn take(&mut self, line: &Line, regex: &Regex) {
        let text = plain(&line.bytes);
        if regex.is_match(&text) {
            if self.last_end == Some(true) && self.context > 0 {
                self.text.push_str("--\n");
            }
            for (offset, text) in std::mem::take(&mut self.before) {
                self.show(offset, '-', &text);
            }
            self.show(line.offset, ':', &text);
            self.after = self.context;
            self.last_end = Some(false);
        } else if self.after > 0 {
            self.after -= 1;
            self.show(line.offset, '-', &text);
        } else if self.context > 0 {
            self.before.push_back((line.offset, text));
            if self.before.len() > self.context {
                self.before.pop_front();
                self.last_end = self.last_end.map(|_| true);
            }
        }
    }

    fn show(&mut self, offset: u64, sign: char, text: &str) {
        let end = text.floor_char_boundary(SHOWN_MAX_BYTES);
        let (text, more) = match text.get(..end) {
            Some(shown) if end < text.len() => (shown, " [...]"),
            _ => (text, ""),
        };
        // Writing to a String cannot fail.
        let _infallible = writeln!(self.text, "{offset}{sign}{text}{more}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::kept::Kept;

    fn kept(text: &str) -> Kept {
        let mut kept = Kept::default();
        kept.append(text.as_bytes());
        kept
    }

    fn last(kept: &Kept, lines: u64, most: usize) -> (String, u64) {
        let read = |offset, max| Ok(kept.read(offset, max));
        let part = tail(&read, kept.total(), lines, most).unwrap();
        assert_eq!(part.next_offset, kept.total());
        (String::from_utf8(part.data).unwrap(), part.offset)
    }

    fn matching(kept: &Kept, pattern: &str, context: usize, from: u64, most: usize) -> Part {
        let read = |offset, max| Ok(kept.read(offset, max));
        let regex = &Regex::new(pattern).unwrap();
        let wanted = Wanted {
            regex,
            context,
            from,
            most,
            is_over: false,
        };
        grep(&read, &wanted).unwrap()
    }

    #[test]
    fn the_last_lines_are_those_that_tail_shows() {
        let text = kept("one\ntwo\nthree\n");
        assert_eq!(last(&text, 1, 100), ("three\n".into(), 8));
        assert_eq!(last(&text, 2, 100), ("two\nthree\n".into(), 4));
        assert_eq!(last(&text, 9, 100).0, "one\ntwo\nthree\n");
        assert_eq!(last(&text, 0, 100).0, "");
        assert_eq!(last(&text, 3, 7), ("\nthree\n".into(), 7));
        assert_eq!(last(&kept("one\ntwo"), 1, 100), ("two".into(), 4));
        assert_eq!(last(&kept(""), 3, 100), (String::new(), 0));
    }

    #[test]
    fn the_last_lines_of_much_are_found_from_its_end() {
        let mut much = kept("");
        for n in 0..200_000 {
            much.append(format!("line {n}\n").as_bytes());
        }
        let (text, _) = last(&much, 30_000, usize::MAX);
        assert_eq!(text.lines().count(), 30_000);
        assert!(text.starts_with("line 170000\n"));
    }

    #[test]
    fn matches_come_with_their_offsets_and_what_is_around() {
        let text = kept("a1\nb\nc\nd\na2\n\u{1b}[1ma3\u{1b}[0m\nz");
        let part = matching(&text, "^a", 1, 0, 1000);
        let shown = "0:a1\n3-b\n--\n7-d\n9:a2\n12:a3\n23-z\n";
        assert_eq!(String::from_utf8(part.data).unwrap(), shown);
        assert_eq!(part.next_offset, 23, "the last line may go on");
        let part = matching(&text, "^a", 0, 3, 1000);
        assert_eq!(part.data, b"9:a2\n12:a3\n");
        assert_eq!(part.offset, 3);
    }

    #[test]
    fn a_search_that_has_given_enough_goes_on_where_it_stopped() {
        let text = "a hit\n".repeat(100);
        let text = kept(&text);
        let (mut from, mut all, mut calls) = (0, Vec::new(), 0);
        while from < text.total() {
            let part = matching(&text, "hit", 0, from, 100);
            all.extend_from_slice(&part.data);
            from = part.next_offset;
            calls += 1;
        }
        assert_eq!(String::from_utf8(all).unwrap().lines().count(), 100);
        assert!(calls > 5);
    }
}
