//! Lines in bounded memory: newline-delimited text from any reader, where a
//! line over the limit is told at once and then skipped to its end.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// How much of a line that is too long is kept, to find the request's id in.
const HEAD_BYTES: usize = 4 << 10;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// A line without its end.
    Whole(Vec<u8>),
    /// A line over the limit: its first bytes. The rest is skipped.
    TooLong(Vec<u8>),
    /// The other side closed; an unfinished last line is dropped.
    End,
}

/// A reader of lines. [`LineReader::next`] may be dropped and called again
/// without losing a byte.
#[derive(Debug)]
pub struct LineReader<R> {
    read: BufReader<R>,
    partial: Vec<u8>,
    limit_bytes: usize,
    skipping: bool,
}

impl<R: AsyncRead + Unpin> LineReader<R> {
    /// Reads lines of at most `limit_bytes`.
    pub fn new(read: R, limit_bytes: usize) -> Self {
        Self {
            read: BufReader::new(read),
            partial: Vec::new(),
            limit_bytes,
            skipping: false,
        }
    }

    /// The same reader, nothing lost, with another limit.
    #[must_use]
    pub fn with_limit(mut self, limit_bytes: usize) -> Self {
        self.limit_bytes = limit_bytes;
        self
    }

    /// The next line. Cancel-safe: between taking bytes and noting them there
    /// is no await.
    pub async fn next(&mut self) -> io::Result<Line> {
        loop {
            let available = self.read.fill_buf().await?;
            if available.is_empty() {
                return Ok(Line::End);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let (text, taken) = match end {
                Some(at) => (available.get(..at).unwrap_or_default(), at + 1),
                None => (available, available.len()),
            };
            let mut line = None;
            if self.skipping {
                self.skipping = end.is_none();
            } else if self.partial.len() + text.len() > self.limit_bytes {
                self.partial.extend_from_slice(text);
                self.partial.truncate(HEAD_BYTES);
                self.skipping = end.is_none();
                line = Some(Line::TooLong(std::mem::take(&mut self.partial)));
            } else {
                self.partial.extend_from_slice(text);
                if end.is_some() {
                    line = Some(Line::Whole(std::mem::take(&mut self.partial)));
                }
            }
            self.read.consume(taken);
            if let Some(line) = line {
                return Ok(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_all(text: &[u8], limit_bytes: usize) -> Vec<Line> {
        let mut reader = LineReader::new(text, limit_bytes);
        let mut lines = Vec::new();
        loop {
            match reader.next().await.unwrap() {
                Line::End => return lines,
                line => lines.push(line),
            }
        }
    }

    #[tokio::test]
    async fn a_line_that_is_too_long_is_told_and_the_next_is_read() {
        let text = [
            b"one\n".as_slice(),
            vec![b'x'; 20_000].as_slice(),
            b"\ntwo\nunfinished",
        ]
        .concat();
        let lines = read_all(&text, 100).await;
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], Line::Whole(b"one".to_vec()));
        assert!(matches!(&lines[1], Line::TooLong(head) if head.len() == HEAD_BYTES));
        assert_eq!(lines[2], Line::Whole(b"two".to_vec()));
    }

    #[tokio::test]
    async fn the_limit_is_exact() {
        assert_eq!(
            read_all(b"abcd\nabcde\nab\n", 4).await,
            [
                Line::Whole(b"abcd".to_vec()),
                Line::TooLong(b"abcde".to_vec()),
                Line::Whole(b"ab".to_vec())
            ]
        );
    }
}
