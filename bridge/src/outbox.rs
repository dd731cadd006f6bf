//! Lines on their way to a descriptor that may not take them yet.

use std::collections::VecDeque;
use std::io;

/// Over this the other side is not read until this side has caught up.
const FULL_BYTES: usize = 1 << 20;

/// Lines to be written, in order.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    lines: VecDeque<Vec<u8>>,
    /// Bytes of the first line that are written.
    written: usize,
    bytes: usize,
}

impl Outbox {
    /// Queues a line; the newline is added.
    pub(crate) fn push(&mut self, mut line: Vec<u8>) {
        line.push(b'\n');
        self.bytes = self.bytes.saturating_add(line.len());
        self.lines.push_back(line);
    }

    /// Whether there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Whether what would fill it further is to wait.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes > FULL_BYTES
    }

    /// Writes once.
    pub(crate) fn write(
        &mut self,
        write: impl FnOnce(&[u8]) -> io::Result<usize>,
    ) -> io::Result<()> {
        let Some(line) = self.lines.front() else {
            return Ok(());
        };
        match write(line.get(self.written..).unwrap_or_default()) {
            Ok(written) => {
                self.written += written;
                self.bytes = self.bytes.saturating_sub(written);
                if self.written >= line.len() {
                    self.lines.pop_front();
                    self.written = 0;
                }
                Ok(())
            }
            Err(error) if is_for_later(&error) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Whether the same may be tried again after the next poll.
pub(crate) fn is_for_later(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, WouldBlock};
    matches!(error.kind(), Interrupted | WouldBlock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_go_out_in_order_however_little_is_taken() {
        let mut outbox = Outbox::default();
        outbox.push(b"one".to_vec());
        outbox.push(b"two".to_vec());
        let mut out = Vec::new();
        outbox
            .write(|_| Err(io::ErrorKind::WouldBlock.into()))
            .unwrap();
        while !outbox.is_empty() {
            outbox
                .write(|bytes| {
                    out.extend_from_slice(&bytes[..bytes.len().min(3)]);
                    Ok(bytes.len().min(3))
                })
                .unwrap();
        }
        assert_eq!(out, b"one\ntwo\n");
        assert_eq!(outbox.bytes, 0);
        assert!(outbox.write(|_| panic!("nothing to write")).is_ok());
    }
}
