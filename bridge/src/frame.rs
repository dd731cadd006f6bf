//! Bytes to lines, with a bound: a line that is too long is skipped while it
//! arrives and only its id is kept.

use crate::ends;
use crate::request_id::RequestId;

/// What came in between two newlines.
#[derive(Debug, PartialEq)]
pub(crate) enum Frame {
    /// A line, without its newline.
    Line(Vec<u8>),
    /// A line over the bound, thrown away.
    TooLong {
        /// Its id, where one of its ends had it.
        id: Option<RequestId>,
    },
}

/// Cuts a stream of bytes into lines.
#[derive(Debug)]
pub(crate) struct Framer {
    line_max_bytes: usize,
    /// The line so far; while skipping, its last bytes.
    buffer: Vec<u8>,
    /// How much of `buffer` is known to hold no newline.
    searched: usize,
    skipping: Option<Skipping>,
}

#[derive(Debug)]
struct Skipping {
    id: Option<RequestId>,
}

impl Framer {
    /// A framer for lines of at most that length, newline not counted.
    pub(crate) fn new(line_max_bytes: usize) -> Self {
        Self {
            line_max_bytes,
            buffer: Vec::new(),
            searched: 0,
            skipping: None,
        }
    }

    /// Takes the next bytes. Call [`Framer::next_frame`] until it has no more
    /// before the next `push`.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole line.
    pub(crate) fn next_frame(&mut self) -> Option<Frame> {
        let unsearched = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.buffer.len();
            self.bound();
            return None;
        };
        let end = self.searched + at;
        let rest = self.buffer.split_off(end + 1);
        self.searched = 0;
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.pop();
        Some(self.close(line))
    }

    /// What stands after the last newline, once the stream has ended.
    pub(crate) fn last(&mut self) -> Option<Frame> {
        let line = std::mem::take(&mut self.buffer);
        self.searched = 0;
        let empty = line.is_empty() && self.skipping.is_none();
        (!empty).then(|| self.close(line))
    }

    fn close(&mut self, line: Vec<u8>) -> Frame {
        match self.skipping.take() {
            Some(Skipping { id }) => Frame::TooLong {
                id: id.or_else(|| ends::id_at_end(&line)),
            },
            None if line.len() > self.line_max_bytes => Frame::TooLong {
                id: ends::id_at_either_end(&line),
            },
            None => Frame::Line(line),
        }
    }

    /// Keeps the buffer within its bound.
    fn bound(&mut self) {
        if self.skipping.is_none() && self.buffer.len() > self.line_max_bytes {
            self.skipping = Some(Skipping {
                id: ends::id_at_start(&self.buffer),
            });
        }
        if self.skipping.is_some() && self.buffer.len() > ends::TAIL_BYTES {
            let tail_at = self.buffer.len() - ends::TAIL_BYTES;
            // A new vector, so that the long line's memory goes back.
            self.buffer = self.buffer.split_off(tail_at);
            self.searched = self.buffer.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(framer: &mut Framer, bytes: &[u8]) -> Vec<Frame> {
        framer.push(bytes);
        std::iter::from_fn(|| framer.next_frame()).collect()
    }

    fn line(text: &str) -> Frame {
        Frame::Line(text.into())
    }

    #[test]
    fn lines_come_out_whole_however_the_bytes_come_in() {
        let mut framer = Framer::new(100);
        assert_eq!(all(&mut framer, b"one\ntw"), [line("one")]);
        assert_eq!(all(&mut framer, b"o\n\nthree"), [line("two"), line("")]);
        assert_eq!(framer.last(), Some(line("three")));
        assert_eq!(framer.last(), None);
    }

    #[test]
    fn a_line_of_exactly_the_bound_passes_and_one_more_byte_does_not() {
        let mut framer = Framer::new(3);
        assert_eq!(all(&mut framer, b"abc\n"), [line("abc")]);
        assert_eq!(
            all(&mut framer, b"abcd\nx\n"),
            [Frame::TooLong { id: None }, line("x")]
        );
    }

    #[test]
    fn a_huge_line_is_skipped_with_little_memory_and_its_id_is_kept_from_either_end() {
        for (head, tail) in [(r#"{"id":7,"p":""#, r#""}"#), (r#"{"p":""#, r#"","id":7}"#)] {
            let mut framer = Framer::new(10_000);
            let mut out = all(&mut framer, head.as_bytes());
            for _ in 0..10_000 {
                out.extend(all(&mut framer, &[b'a'; 1000]));
                assert!(framer.buffer.capacity() < 40_000);
            }
            out.extend(all(&mut framer, tail.as_bytes()));
            out.extend(all(&mut framer, b"\nnext\n"));
            let id = RequestId::parse("7");
            assert_eq!(out, [Frame::TooLong { id }, line("next")]);
        }
    }

    #[test]
    fn a_huge_line_that_never_ends_is_told_when_the_stream_ends() {
        let mut framer = Framer::new(10);
        assert_eq!(all(&mut framer, &[b'a'; 50]), []);
        assert_eq!(framer.last(), Some(Frame::TooLong { id: None }));
    }
}
