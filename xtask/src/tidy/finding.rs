//! A file that is looked at, and a remark about it.

use std::fmt;

/// One file: its path below the root, with `/`, and its text.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// `server/src/link/dial.rs`.
    pub(super) path: String,
    /// All of it.
    pub(super) text: String,
}

/// One remark, with what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// As [`Source::path`].
    pub(super) path: String,
    /// Counted from 1; 0 is the whole file.
    pub(super) line: usize,
    /// What is wrong, and what to do.
    pub(super) message: String,
}

impl Finding {
    /// A remark on one line.
    pub(super) fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            message: message.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line.max(1), self.message)
    }
}

/// A source of a test.
#[cfg(test)]
pub(super) fn source(path: &str, text: &str) -> Source {
    Source {
        path: path.to_owned(),
        text: text.to_owned(),
    }
}
