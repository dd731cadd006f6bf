//! Finds in a terminal's output what is not text: where escape sequences begin
//! and end (ECMA-48), marks of ours, and questions to the terminal. Plain text
//! is passed over fast, so that a flood costs little.

/// What a string sequence may hold before it is taken for noise, in bytes.
const STRING_MAX_BYTES: usize = 8 << 10;

/// Something in the output that asks for attention.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finding {
    /// The text of an OSC sequence, without its ends.
    Osc(Vec<u8>),
    /// A control sequence: its parameters with the private marker, and its final
    /// byte.
    Csi(Vec<u8>, u8),
}

/// Where the scan stands; output may be cut anywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    Text,
    Escape,
    /// An escape with intermediate bytes.
    Short,
    Csi,
    /// OSC (true) or another string.
    String(bool),
    /// ESC within a string: its end, when `\` follows.
    StringEscape(bool),
}

/// A scan of a stream.
#[derive(Debug, Clone, Default)]
pub(super) struct Scanner {
    at: At,
    held: Vec<u8>,
    /// Where the open sequence began, in bytes of the stream.
    began: u64,
    position: u64,
}

impl Scanner {
    /// Begins at `position` of the stream, in the middle of nothing.
    pub(super) fn at(position: u64) -> Self {
        Self {
            position,
            ..Self::default()
        }
    }

    /// So many bytes stand here that are not to be read.
    pub(super) fn pass_over(&mut self, bytes: u64) {
        self.position += bytes;
    }

    /// Reads on; `found` hears of each finding, with the positions of its first
    /// byte and behind its last.
    pub(super) fn read(&mut self, bytes: &[u8], mut found: impl FnMut(Finding, u64, u64)) {
        let mut rest = bytes;
        while let [first, others @ ..] = rest {
            if self.at == At::Text {
                let text = memchr::memchr(0x1b, rest).unwrap_or(rest.len());
                self.position += text as u64;
                rest = rest.get(text..).unwrap_or_default();
                if !rest.is_empty() {
                    self.began = self.position;
                    self.at = At::Escape;
                    self.position += 1;
                    rest = rest.get(1..).unwrap_or_default();
                }
                continue;
            }
            self.position += 1;
            if let Some(finding) = self.step(*first) {
                found(finding, self.began, self.position);
            }
            rest = others;
        }
    }

    /// Where the sequence began that is not ended yet.
    pub(super) fn open_since(&self) -> Option<u64> {
        (self.at != At::Text).then_some(self.began)
    }

    #[expect(
        clippy::match_same_arms,
        reason = "the order of the arms is the grammar"
    )]
    fn step(&mut self, byte: u8) -> Option<Finding> {
        let (next, finding) = match (self.at, byte) {
            (At::String(is_osc), 0x07) => (At::Text, self.osc(is_osc)),
            (At::String(is_osc), 0x1b) => (At::StringEscape(is_osc), None),
            (At::StringEscape(is_osc), b'\\') => (At::Text, self.osc(is_osc)),
            // CAN and SUB end anything (ECMA-48 8.3.6).
            (_, 0x18 | 0x1a) => (At::Text, None),
            (At::String(is_osc), _) => (self.hold(byte, At::String(is_osc)), None),
            (At::Escape, b'[') => {
                self.held.clear();
                (At::Csi, None)
            }
            (At::Escape, b']') => {
                self.held.clear();
                (At::String(true), None)
            }
            (At::Escape, b'P' | b'_' | b'^' | b'X') => {
                self.held.clear();
                (At::String(false), None)
            }
            // A string that was broken off begins another sequence.
            (At::StringEscape(_), _) => {
                self.at = At::Escape;
                return self.step(byte);
            }
            (_, 0x1b) => {
                self.began = self.position - 1;
                (At::Escape, None)
            }
            (At::Escape | At::Short, 0x20..=0x2f) => (At::Short, None),
            (At::Csi, 0x20..=0x3f) => (self.hold(byte, At::Csi), None),
            (At::Csi, 0x40..=0x7e) => {
                let parameters = std::mem::take(&mut self.held);
                (At::Text, Some(Finding::Csi(parameters, byte)))
            }
            (At::Csi, 0x00..=0x1f) => (At::Csi, None),
            (At::Escape | At::Short | At::Csi | At::Text, _) => (At::Text, None),
        };
        self.at = next;
        finding
    }

    fn osc(&mut self, is_osc: bool) -> Option<Finding> {
        let text = std::mem::take(&mut self.held);
        is_osc.then_some(Finding::Osc(text))
    }

    fn hold(&mut self, byte: u8, at: At) -> At {
        if self.held.len() >= STRING_MAX_BYTES {
            self.held.clear();
            return At::Text;
        }
        self.held.push(byte);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(pieces: &[&[u8]]) -> (Vec<(Finding, u64, u64)>, Option<u64>) {
        let mut scanner = Scanner::at(0);
        let mut all = Vec::new();
        for piece in pieces {
            scanner.read(piece, |finding, from, to| all.push((finding, from, to)));
        }
        (all, scanner.open_since())
    }

    #[test]
    fn sequences_are_found_wherever_the_output_is_cut() {
        let bytes = b"ab\x1b]133;D;0\x07c\x1b[?25hd\x1bP1$r\x1b\\\x1b(B\x1b]7;x\x1b\\e\x1b[6n";
        let whole = findings(&[bytes]);
        assert_eq!(
            whole.0,
            [
                (Finding::Osc(b"133;D;0".to_vec()), 2, 12),
                (Finding::Csi(b"?25".to_vec(), b'h'), 13, 19),
                (Finding::Osc(b"7;x".to_vec()), 30, 37),
                (Finding::Csi(b"6".to_vec(), b'n'), 38, 42),
            ]
        );
        for cut in 0..bytes.len() {
            assert_eq!(findings(&[&bytes[..cut], &bytes[cut..]]), whole, "{cut}");
        }
    }

    #[test]
    fn an_open_sequence_is_known_by_its_beginning() {
        assert_eq!(findings(&[b"abc"]).1, None);
        assert_eq!(findings(&[b"abc\x1b"]).1, Some(3));
        assert_eq!(findings(&[b"abc\x1b[1;"]).1, Some(3));
        assert_eq!(findings(&[b"a\x1b]0;title"]).1, Some(1));
    }

    #[test]
    fn a_string_without_an_end_is_given_up() {
        let long = vec![b'x'; STRING_MAX_BYTES + 1];
        let (found, open) = findings(&[b"\x1b]", &long, b"\x1b[c"]);
        assert_eq!(found.len(), 1);
        assert_eq!(open, None);
    }
}
