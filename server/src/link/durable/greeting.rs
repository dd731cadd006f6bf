//! The line with which a script's answer begins: before it may stand what the
//! host's own start-up files print.

use super::Mark;
use crate::words::one_line;

/// What may stand before the greeting, in bytes: far more than any banner, and
/// far less than a host that never comes to an end.
const PRELUDE_MAX_BYTES: usize = 64 << 10;

/// How much of what was not understood is told, in characters.
const SAMPLE_MAX_CHARS: usize = 80;

/// What a script is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::link) enum Errand {
    /// [`super::start_script`].
    Start,
    /// [`super::follow_script`].
    Follow,
    /// [`super::signal_script`].
    Signal,
}

/// The host said something else than its script does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host's answer was not understood: {0:?}")]
pub(in crate::link) struct Garbled(pub(in crate::link) String);

impl Garbled {
    /// `bytes` made printable, and only a bit of them.
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(printable(bytes, SAMPLE_MAX_CHARS))
    }
}

/// At most `chars_max` of `bytes`, without control characters.
pub(super) fn printable(bytes: &[u8], chars_max: usize) -> String {
    one_line(&String::from_utf8_lossy(bytes), chars_max)
}

/// Skips all up to the greeting and the greeting itself.
#[derive(Debug)]
pub(super) struct Greeting {
    /// With the newlines on both sides.
    line: Vec<u8>,
    /// What came, less what can no longer begin a greeting.
    tail: Vec<u8>,
    skipped_bytes: usize,
    /// What came first, for a report.
    first: Vec<u8>,
    is_over: bool,
}

impl Greeting {
    pub(super) fn new(errand: Errand, mark: &Mark) -> Self {
        let errand = match errand {
            Errand::Start => "start",
            Errand::Follow => "follow",
            Errand::Signal => "signal",
        };
        Self {
            line: format!("\nremote-shell-mcp {errand} {mark}\n").into_bytes(),
            tail: Vec::new(),
            skipped_bytes: 0,
            first: Vec::new(),
            is_over: false,
        }
    }

    /// Whether it came.
    pub(super) fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes from the front of `bytes`; true once the greeting is over, and
    /// then nothing more.
    pub(super) fn skip(&mut self, bytes: &mut &[u8]) -> Result<bool, Garbled> {
        while !self.is_over {
            let Some((byte, rest)) = bytes.split_first() else {
                return Ok(false);
            };
            *bytes = rest;
            self.take(*byte)?;
        }
        Ok(true)
    }

    fn take(&mut self, byte: u8) -> Result<(), Garbled> {
        if self.first.len() < SAMPLE_MAX_CHARS {
            self.first.push(byte);
        }
        self.tail.push(byte);
        self.is_over = self.tail == self.line;
        while !self.line.starts_with(&self.tail) {
            self.tail.remove(0);
            self.skipped_bytes += 1;
        }
        if self.skipped_bytes > PRELUDE_MAX_BYTES {
            return Err(Garbled::new(&self.first));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(chunks: &[&str]) -> Result<Option<String>, Garbled> {
        let mark = Mark::parse("0123456789abcdef").unwrap();
        let mut greeting = Greeting::new(Errand::Start, &mark);
        for chunk in chunks {
            let mut rest = chunk.as_bytes();
            if greeting.skip(&mut rest)? {
                return Ok(Some(String::from_utf8(rest.to_vec()).unwrap()));
            }
        }
        Ok(None)
    }

    #[test]
    fn what_start_up_files_print_is_skipped() {
        let line = "remote-shell-mcp start 0123456789abcdef\n";
        for before in ["\n", "Welcome!\n\n\nremote-shell\n\n", "no newline\n"] {
            let all = format!("{before}{line}more");
            assert_eq!(skip(&[&all]), Ok(Some("more".into())), "{before}");
            let bytes: Vec<_> = all.split_inclusive(|_| true).collect();
            assert_eq!(skip(&bytes), Ok(Some(String::new())), "{before}");
        }
        assert_eq!(
            skip(&["\nremote-shell-mcp start 0123456789abcdee\n"]),
            Ok(None)
        );
    }

    #[test]
    fn an_endless_banner_is_garbled() {
        let banner = "\u{1b}[31mno shell here\n".repeat(PRELUDE_MAX_BYTES / 8);
        let Garbled(words) = skip(&[&banner]).unwrap_err();
        assert!(words.starts_with("[31mno shell here"), "{words}");
    }
}
