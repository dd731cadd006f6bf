//! The one line that a start or a signal is answered with.

use super::greeting::{Greeting, printable};
use super::{Errand, Garbled, Mark};

/// An answer's length at most, in bytes: words of mkdir(1) with a long path.
const LINE_MAX_BYTES: usize = 4096;

/// How much of the host's words is told, in characters.
const WORDS_MAX_CHARS: usize = 300;

/// What the host answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::link) enum Answer {
    /// The job was started, now or before. The leader of its session is told
    /// where it is known.
    Started {
        /// On the host.
        pid: Option<u32>,
    },
    /// A shell was, under this holder.
    Held(String),
    /// It was not, and why not.
    Refused(String),
    /// The signal was sent.
    Signalled,
    /// There is nothing to signal, and why not.
    Gone(String),
}

/// Reads an answer that comes in pieces.
#[derive(Debug)]
pub(in crate::link) struct AnswerParser {
    greeting: Greeting,
    line: Vec<u8>,
}

impl AnswerParser {
    /// For the answer to one script.
    pub(in crate::link) fn new(errand: Errand, mark: &Mark) -> Self {
        Self {
            greeting: Greeting::new(errand, mark),
            line: Vec::new(),
        }
    }

    /// Whether the script has begun.
    pub(in crate::link) fn is_greeted(&self) -> bool {
        self.greeting.is_over()
    }

    /// The answer, once its line is whole.
    pub(in crate::link) fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Answer>, Garbled> {
        if !self.greeting.skip(&mut bytes)? {
            return Ok(None);
        }
        let newline = bytes.iter().position(|b| *b == b'\n');
        let (line, _rest) = bytes.split_at(newline.unwrap_or(bytes.len()));
        self.line.extend_from_slice(line);
        if self.line.len() > LINE_MAX_BYTES {
            return Err(Garbled::new(&self.line));
        }
        match newline {
            Some(_) => self.whole().map(Some),
            None => Ok(None),
        }
    }

    fn whole(&self) -> Result<Answer, Garbled> {
        let line = printable(&self.line, WORDS_MAX_CHARS);
        let (verb, words) = line.split_once(' ').unwrap_or((&line, ""));
        match verb {
            "started" => match words.parse() {
                Ok(0) => Ok(Answer::Started { pid: None }),
                Ok(pid) => Ok(Answer::Started { pid: Some(pid) }),
                Err(_not_a_number) => Err(Garbled::new(&self.line)),
            },
            "held" => Ok(Answer::Held(words.to_owned())),
            "refused" => Ok(Answer::Refused(words.to_owned())),
            "signalled" => Ok(Answer::Signalled),
            "gone" => Ok(Answer::Gone(words.to_owned())),
            _ => Err(Garbled::new(&self.line)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Option<Answer>, Garbled> {
        let mark = Mark::fresh();
        let mut parser = AnswerParser::new(Errand::Signal, &mark);
        let all = format!("hello\n\nremote-shell-mcp signal {mark}\n{line}");
        for byte in all.as_bytes() {
            if let Some(answer) = parser.feed(&[*byte])? {
                return Ok(Some(answer));
            }
        }
        Ok(None)
    }

    #[test]
    fn an_answer_is_read_when_its_line_is_whole() {
        let gone = Answer::Gone("it has ended".into());
        assert_eq!(read("gone it has ended\n"), Ok(Some(gone)));
        assert_eq!(
            read("started 17\n"),
            Ok(Some(Answer::Started { pid: Some(17) }))
        );
        assert_eq!(read("started 0\n"), Ok(Some(Answer::Started { pid: None })));
        assert_eq!(read("signalled\n"), Ok(Some(Answer::Signalled)));
        assert_eq!(read("signalled"), Ok(None));
    }

    #[test]
    fn anything_else_is_garbled() {
        for bad in ["started x\n", "sh: dd: not found\n", "\n"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"x".repeat(LINE_MAX_BYTES + 1)).is_err());
    }
}
