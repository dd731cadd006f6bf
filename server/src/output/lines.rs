//! A stream line by line, in bounded memory.

use std::collections::VecDeque;
use std::io;

use super::Read;

/// What is read at once, in bytes.
pub(super) const PIECE_BYTES: usize = 256 << 10;

/// A longer line comes in pieces: no program prints more for a reader of lines.
const LINE_MAX_BYTES: usize = 64 << 10;

/// One line, or a piece of a very long one, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// Whether its end came; the last line of what still runs has none yet.
    pub(super) is_ended: bool,
}

/// The lines from an offset on.
pub(super) struct Lines<'a> {
    read: &'a Read<'a>,
    ready: VecDeque<Line>,
    begun: Vec<u8>,
    /// Where the begun line begins, and what is read next.
    begun_at: u64,
    at: u64,
    /// Bytes that are no longer kept.
    pub(super) lost_bytes: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(read: &'a Read<'a>, from: u64) -> Self {
        Self {
            read,
            ready: VecDeque::new(),
            begun: Vec::new(),
            begun_at: from,
            at: from,
            lost_bytes: 0,
        }
    }

    /// The next line; none at the end of what there is.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        while self.ready.is_empty() {
            let part = (self.read)(self.at, PIECE_BYTES)?;
            if part.lost_bytes > 0 {
                // What was begun before a gap does not go on behind it.
                self.lost_bytes += part.lost_bytes;
                self.end(true);
                self.begun_at = part.offset;
            }
            if part.data.is_empty() {
                self.end(false);
                self.at = part.next_offset;
                self.begun_at = self.at;
                return Ok(self.ready.pop_front());
            }
            self.at = part.next_offset;
            let mut rest = part.data.as_slice();
            while let Some(length) = rest.iter().position(|byte| *byte == b'\n') {
                let (line, behind) = rest.split_at(length);
                self.add(line);
                self.end(true);
                self.begun_at += 1;
                rest = behind.get(1..).unwrap_or_default();
            }
            self.add(rest);
        }
        Ok(self.ready.pop_front())
    }

    fn add(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while self.begun.len() + rest.len() > LINE_MAX_BYTES {
            let (first, behind) = rest.split_at(LINE_MAX_BYTES - self.begun.len());
            self.begun.extend_from_slice(first);
            self.push(true);
            rest = behind;
        }
        self.begun.extend_from_slice(rest);
    }

    /// The begun line is over. Between lines there is nothing to be over, but
    /// for the empty line that an end alone makes.
    fn end(&mut self, is_ended: bool) {
        if is_ended || !self.begun.is_empty() {
            self.push(is_ended);
        }
    }

    fn push(&mut self, is_ended: bool) {
        let bytes = std::mem::take(&mut self.begun);
        let offset = self.begun_at;
        self.begun_at += u64::try_from(bytes.len()).unwrap_or(0);
        self.ready.push_back(Line {
            offset,
            bytes,
            is_ended,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::kept::Kept;

    fn lines(kept: &Kept, from: u64) -> Vec<(u64, String, bool)> {
        let read = |offset, max: usize| Ok(kept.read(offset, max.min(7)));
        let mut lines = Lines::new(&read, from);
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            let text = String::from_utf8_lossy(&line.bytes).into_owned();
            all.push((line.offset, text, line.is_ended));
        }
        all
    }

    #[test]
    fn lines_have_their_offsets_and_the_last_may_not_be_ended() {
        let mut kept = Kept::default();
        kept.append(b"first\n\nthe third one\nlast");
        let line = |offset, text: &str, is_ended| (offset, text.to_owned(), is_ended);
        assert_eq!(
            lines(&kept, 0),
            [
                line(0, "first", true),
                line(6, "", true),
                line(7, "the third one", true),
                line(21, "last", false),
            ]
        );
        assert_eq!(lines(&kept, 11)[0], line(11, "third one", true));
    }

    #[test]
    fn a_line_without_end_comes_in_pieces() {
        let mut kept = Kept::default();
        kept.append(&vec![b'x'; LINE_MAX_BYTES + 5]);
        let read = |offset, max| Ok(kept.read(offset, max));
        let mut lines = Lines::new(&read, 0);
        let mut pieces = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            pieces.push((line.offset, line.bytes.len()));
        }
        let most = LINE_MAX_BYTES as u64;
        assert_eq!(pieces, [(0, LINE_MAX_BYTES), (most, 5)]);
    }
}
