//! What a follower says, frame by frame. Data is passed on as it comes and
//! never kept.

use super::greeting::{Greeting, printable};
use super::{Errand, Garbled, Mark};

/// A frame's first line at most, in bytes: a letter and a number or some words.
const HEADER_MAX_BYTES: usize = 256;

/// A frame's data at most, in bytes: what follow.sh reads at once.
const DATA_MAX_BYTES: u64 = 4 << 20;

/// What a host may say that it lost, in bytes: positions are added up, and no
/// terminal prints so much.
const LOST_MAX_BYTES: u64 = 1 << 48;

/// What came. Data may be a part of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::link) enum Frame<'a> {
    /// The next bytes of standard output.
    Stdout(&'a [u8]),
    /// The next bytes of standard error.
    Stderr(&'a [u8]),
    /// The job ended with this status of sh, and all that it wrote has come.
    Exit(u32),
    /// How it ended cannot be known any more, or it never ran, and why so.
    Gone(String),
    /// So many bytes of standard output are not there any more.
    Lost(u64),
    /// The follower still runs.
    KeepAlive,
    /// The job's folder is no more.
    Removed,
}

/// Reads frames that come in pieces.
#[derive(Debug)]
pub(in crate::link) struct FrameParser {
    greeting: Greeting,
    header: Vec<u8>,
    data: Data,
}

/// What is left of the frame that is being read.
#[derive(Debug, Clone, Copy)]
struct Data {
    is_stderr: bool,
    left_bytes: u64,
}

impl FrameParser {
    /// For what one follower says.
    pub(in crate::link) fn new(mark: &Mark) -> Self {
        Self {
            greeting: Greeting::new(Errand::Follow, mark),
            header: Vec::new(),
            data: Data {
                is_stderr: false,
                left_bytes: 0,
            },
        }
    }

    /// Takes one frame, or a part of its data, from the front of `bytes`; none
    /// when more must come first, and then `bytes` is empty.
    pub(in crate::link) fn next<'a>(
        &mut self,
        bytes: &mut &'a [u8],
    ) -> Result<Option<Frame<'a>>, Garbled> {
        if !self.greeting.skip(bytes)? {
            return Ok(None);
        }
        loop {
            if self.data.left_bytes > 0 {
                return Ok(self.data(bytes));
            }
            let newline = bytes.iter().position(|b| *b == b'\n');
            let (line, rest) = bytes.split_at(newline.unwrap_or(bytes.len()));
            if self.header.len() + line.len() > HEADER_MAX_BYTES {
                self.header.extend(line.iter().take(HEADER_MAX_BYTES));
                return Err(Garbled::new(&self.header));
            }
            self.header.extend_from_slice(line);
            if newline.is_none() {
                *bytes = rest;
                return Ok(None);
            }
            *bytes = rest.split_first().map_or(rest, |(_newline, rest)| rest);
            let header = std::mem::take(&mut self.header);
            if let Some(frame) = self.header(&header)? {
                return Ok(Some(frame));
            }
        }
    }

    fn data<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Frame<'a>> {
        let left = usize::try_from(self.data.left_bytes).unwrap_or(usize::MAX);
        let (data, rest) = bytes.split_at(left.min(bytes.len()));
        *bytes = rest;
        self.data.left_bytes -= data.len() as u64;
        match (data.is_empty(), self.data.is_stderr) {
            (true, _) => None,
            (false, true) => Some(Frame::Stderr(data)),
            (false, false) => Some(Frame::Stdout(data)),
        }
    }

    /// None begins data.
    fn header(&mut self, header: &[u8]) -> Result<Option<Frame<'static>>, Garbled> {
        let garbled = || Garbled::new(header);
        let (letter, words) = header.split_first().ok_or_else(garbled)?;
        let words = printable(words, HEADER_MAX_BYTES);
        match (letter, words.as_str()) {
            (b'O' | b'E', count) => {
                let left_bytes = count.parse().ok().filter(|n| *n <= DATA_MAX_BYTES);
                self.data = Data {
                    is_stderr: *letter == b'E',
                    left_bytes: left_bytes.ok_or_else(garbled)?,
                };
                Ok(None)
            }
            (b'X', status) => match status.parse() {
                Ok(status) => Ok(Some(Frame::Exit(status))),
                Err(_not_a_number) => Err(garbled()),
            },
            (b'L', count) => match count.parse() {
                Ok(bytes) if bytes <= LOST_MAX_BYTES => Ok(Some(Frame::Lost(bytes))),
                _ => Err(garbled()),
            },
            (b'G', _) => Ok(Some(Frame::Gone(words))),
            (b'K', "") => Ok(Some(Frame::KeepAlive)),
            (b'R', "") => Ok(Some(Frame::Removed)),
            _ => Err(garbled()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Standard output, standard error, and the other frames.
    type Said = (Vec<u8>, Vec<u8>, Vec<String>);

    /// Everything said of `wire`, which comes in pieces of `at_once` bytes.
    fn read(wire: &[u8], at_once: usize) -> Result<Said, Garbled> {
        let mark = Mark::fresh();
        let mut parser = FrameParser::new(&mark);
        let greeting = format!("\nremote-shell-mcp follow {mark}\n");
        let all = [b"motd", greeting.as_bytes(), wire].concat();
        let (mut stdout, mut stderr, mut told) = (vec![], vec![], vec![]);
        for mut piece in all.chunks(at_once) {
            while let Some(frame) = parser.next(&mut piece)? {
                match frame {
                    Frame::Stdout(data) => stdout.extend_from_slice(data),
                    Frame::Stderr(data) => stderr.extend_from_slice(data),
                    other => told.push(format!("{other:?}")),
                }
            }
            assert!(piece.is_empty());
        }
        Ok((stdout, stderr, told))
    }

    #[test]
    fn frames_are_read_in_whatever_pieces_they_come() {
        let wire = b"O 3\n\0\nXE 2\nK\nL 9\nK\nO 0\nX 137\nR\n";
        for at_once in 1..wire.len() {
            let (stdout, stderr, told) = read(wire, at_once).unwrap();
            assert_eq!(stdout, b"\0\nX");
            assert_eq!(stderr, b"K\n");
            assert_eq!(told, ["Lost(9)", "KeepAlive", "Exit(137)", "Removed"]);
        }
        let (_, _, told) = read(b"G it is \x1b[2Jgone\n", 64).unwrap();
        assert_eq!(told, [r#"Gone("it is  [2Jgone")"#]);
    }

    #[test]
    fn anything_else_is_garbled() {
        let long = "O ".repeat(HEADER_MAX_BYTES);
        for bad in [
            "\n",
            "O x\n",
            "O -1\n",
            "O 4194305\n",
            "L x\n",
            "L 18446744073709551615\n",
            "X\n",
            "Kk\n",
            "dd: no\n",
            &long,
        ] {
            assert!(read(bad.as_bytes(), 7).is_err(), "{bad}");
        }
    }
}
