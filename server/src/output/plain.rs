//! Output as harmless text: no escape sequences, no control characters, no
//! direction overrides (FAULTS 40, SECURITY 15). Raw bytes stay in [`Output`].
//!
//! [`Output`]: super::Output

use std::borrow::Cow;

use crate::words::harmless;

/// Where a scan stands within an escape sequence (ECMA-48).
#[derive(Clone, Copy, PartialEq)]
enum At {
    Text,
    /// After ESC.
    Escape,
    /// In a control sequence, up to its final byte.
    Control,
    /// In a string (OSC, DCS, APC, PM, SOS), up to BEL or ST.
    String,
    /// After ESC within a string: ST when `\` follows.
    StringEscape,
}

/// `bytes` as text that does nothing to whoever shows it. Bytes that are not
/// UTF-8 become U+FFFD; line ends and tabs stay.
pub fn plain(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    if text.chars().all(harmless) {
        return match text {
            Cow::Owned(text) => text,
            Cow::Borrowed(text) => text.to_owned(),
        };
    }
    let mut out = String::with_capacity(text.len());
    let mut at = At::Text;
    for c in text.chars() {
        at = step(at, c, &mut out);
    }
    out
}

#[expect(
    clippy::match_same_arms,
    reason = "the order of the arms is the grammar"
)]
fn step(at: At, c: char, out: &mut String) -> At {
    match (at, c) {
        (At::String, '\u{7}' | '\u{9c}') | (At::StringEscape, '\\') => At::Text,
        (At::String, '\u{1b}') => At::StringEscape,
        (At::String | At::StringEscape, _) => At::String,
        (_, '\u{1b}') => At::Escape,
        // Parameters of a control sequence, up to its final byte.
        (At::Escape, '[') | (At::Control, '\u{20}'..='\u{3f}') | (At::Text, '\u{9b}') => {
            At::Control
        }
        // Intermediate bytes of a short escape: its final byte follows.
        (At::Escape, ' '..='/') => At::Escape,
        (At::Escape | At::Text, c) if opens_string(at, c) => At::String,
        (At::Escape | At::Control, _) => At::Text,
        (At::Text, c) => {
            if harmless(c) {
                out.push(c);
            }
            At::Text
        }
    }
}

/// OSC, DCS, APC, PM and SOS, after ESC or as one C1 character.
fn opens_string(at: At, c: char) -> bool {
    match at {
        At::Escape => matches!(c, ']' | 'P' | '_' | '^' | 'X'),
        _ => matches!(c, '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_and_what_acts_on_a_terminal_goes() {
        for (raw, text) in [
            ("plain\ttext\r\n", "plain\ttext\r\n"),
            ("\u{1b}[1;31mred\u{1b}[0m", "red"),
            ("\u{1b}]52;c;aGk=\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("\u{1b}P1$r\u{1b}\\x", "x"),
            ("\u{1b}(Bx\u{1b}=y", "xy"),
            ("\u{9b}2Jx", "x"),
            ("a\u{202e}b\u{2066}c", "abc"),
            ("nul\0bell\u{7}", "nulbell"),
            ("Grüße 你好", "Grüße 你好"),
        ] {
            assert_eq!(plain(raw.as_bytes()), text, "{raw:?}");
        }
    }

    #[test]
    fn bytes_that_are_no_utf8_are_shown_as_such() {
        assert_eq!(plain(b"a\xffb"), "a\u{fffd}b");
    }
}
