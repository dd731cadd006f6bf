//! A terminal's output as text: lines as they look in the end, without what
//! only moves the cursor. A progress bar is its last state, a corrected line
//! what it became.

use crate::output::whole_characters;
use crate::words::harmless;

use super::scan::Scanner;

/// Where a sequence is cut, it is left for the next piece; longer ones are noise.
const SEQUENCE_MAX_BYTES: u64 = 4 << 10;

/// A line into which blanks are still inserted, in characters: an editor's, not
/// a program's that inserts for ever.
const EDITED_MAX: usize = 4 << 10;

/// How much of `bytes` ends in no sequence and no character.
pub(super) fn whole(bytes: &[u8]) -> usize {
    let mut scanner = Scanner::at(0);
    scanner.read(bytes, |_, _, _| {});
    let end = bytes.len() as u64;
    let open = scanner
        .open_since()
        .filter(|began| end - began <= SEQUENCE_MAX_BYTES)
        .and_then(|began| usize::try_from(began).ok());
    match open {
        Some(began) => began,
        None => whole_characters(bytes),
    }
}

/// `bytes` as a terminal of `cols` columns shows them, line by line.
pub(super) fn text(bytes: &[u8], cols: usize) -> String {
    let decoded = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(decoded.len());
    let mut line = Line::new(cols.max(1));
    let mut rest = decoded.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' => {
                line.end(&mut out);
                out.push('\n');
            }
            '\r' => line.go_to_first_column(),
            '\u{8}' => line.back(1),
            '\t' => line.put('\t'),
            '\u{1b}' => {
                if let Some((parameters, last)) = sequence(&mut rest) {
                    line.control(&parameters, last);
                }
            }
            '\u{9b}' => {
                let (parameters, last) = parameters(&mut rest);
                line.control(&parameters, last);
            }
            c if harmless(c) => line.put(c),
            _ => {}
        }
    }
    line.end(&mut out);
    out
}

/// What follows ESC; the parameters and the final byte of a control sequence.
fn sequence(rest: &mut std::str::Chars<'_>) -> Option<(String, char)> {
    match rest.next()? {
        '[' => Some(parameters(rest)),
        ']' | 'P' | '_' | '^' | 'X' => {
            string(rest);
            None
        }
        ' '..='/' => {
            while rest.next().is_some_and(|c| (' '..='/').contains(&c)) {}
            None
        }
        _ => None,
    }
}

fn parameters(rest: &mut std::str::Chars<'_>) -> (String, char) {
    let mut parameters = String::new();
    for c in rest.by_ref() {
        if ('\u{40}'..='\u{7e}').contains(&c) {
            return (parameters, c);
        }
        parameters.push(c);
    }
    (parameters, '\0')
}

/// Passes over a string sequence, up to BEL or ST.
fn string(rest: &mut std::str::Chars<'_>) {
    let mut escaped = false;
    for c in rest.by_ref() {
        if c == '\u{7}' || (escaped && c == '\\') {
            return;
        }
        escaped = c == '\u{1b}';
    }
}

/// The line that is being composed.
struct Line {
    shown: Vec<char>,
    column: usize,
    width: usize,
}

impl Line {
    fn new(width: usize) -> Self {
        Self {
            shown: Vec::new(),
            column: 0,
            width,
        }
    }

    fn put(&mut self, c: char) {
        self.reach(self.column);
        match self.shown.get_mut(self.column) {
            Some(place) => *place = c,
            None => self.shown.push(c),
        }
        self.column += 1;
    }

    /// A long line is folded into rows; this goes to the row's first column.
    /// Behind the last column a terminal has not begun the next row yet.
    fn go_to_first_column(&mut self) {
        let column =
            self.column - usize::from(self.column > 0 && self.column.is_multiple_of(self.width));
        self.column = column - column % self.width;
    }

    /// Of the cursor's row.
    fn last_column(&self) -> usize {
        (self.column / self.width + 1) * self.width - 1
    }

    fn back(&mut self, count: usize) {
        self.column = self.column.saturating_sub(count);
    }

    fn control(&mut self, parameters: &str, last: char) {
        let first = parameters.split(';').next().unwrap_or_default();
        let count = first.parse::<usize>().unwrap_or(0);
        let times = count.clamp(1, self.width);
        match (last, count) {
            ('K' | 'J', 0) => self.shown.truncate(self.column),
            ('K', 1) => {
                let end = (self.column + 1).min(self.shown.len());
                for place in self.shown.iter_mut().take(end) {
                    *place = ' ';
                }
            }
            ('K', 2) => self.shown.clear(),
            // The cursor stops at the row's last column.
            ('C', _) => self.column = (self.column + times).min(self.last_column()),
            ('D', _) => self.back(times),
            ('G', _) => {
                self.go_to_first_column();
                self.column = (self.column + times - 1).min(self.last_column());
            }
            ('P', _) => {
                let end = (self.column + times).min(self.shown.len());
                if self.column < end {
                    self.shown.drain(self.column..end);
                }
            }
            ('@', _) if (self.column..EDITED_MAX).contains(&self.shown.len()) => {
                let blanks = std::iter::repeat_n(' ', times);
                self.shown.splice(self.column..self.column, blanks);
            }
            ('X', _) => {
                for place in self.shown.iter_mut().skip(self.column).take(times) {
                    *place = ' ';
                }
            }
            _ => {}
        }
    }

    fn reach(&mut self, column: usize) {
        if self.shown.len() < column {
            self.shown.resize(column, ' ');
        }
    }

    fn end(&mut self, out: &mut String) {
        out.extend(self.shown.drain(..));
        self.column = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_shown_as_they_look_in_the_end() {
        for (raw, shown) in [
            ("one\r\ntwo\r\n", "one\ntwo\n"),
            ("  5%\r 50%\r100%\r\n", "100%\n"),
            ("a long word\rshort\u{1b}[K\r\n", "short\n"),
            ("lx\u{8}s -l\r\n", "ls -l\n"),
            ("lxs\u{8}\u{8}\u{1b}[Ps\r\n", "ls\n"),
            ("ab\u{8}\u{1b}[@x\r\n", "axb\n"),
            (
                "\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}plain",
                "red plain",
            ),
            ("a\u{1b}[3Cb", "a   b"),
            ("tab\tbed\r\n\r\nbell\u{7}\0\u{202e}", "tab\tbed\n\nbell"),
            ("\u{1b}P1$r\u{1b}\\x\u{1b}(By", "xy"),
            ("Grüße 你好 🦀", "Grüße 你好 🦀"),
        ] {
            assert_eq!(text(raw.as_bytes(), 80), shown, "{raw:?}");
        }
    }

    #[test]
    fn a_line_that_the_editor_folds_stays_one_line() {
        // Behind the last column readline writes a blank and goes back.
        let raw = format!("{} \r{}", "x".repeat(20), "yz");
        assert_eq!(text(raw.as_bytes(), 20), format!("{}yz", "x".repeat(20)));
        let over = format!("{}\rnew", "x".repeat(20));
        assert_eq!(text(over.as_bytes(), 20), format!("new{}", "x".repeat(17)));
    }

    #[test]
    fn no_piece_ends_in_a_sequence_or_a_character() {
        for (bytes, end) in [
            (&b"abc"[..], 3),
            (b"abc\x1b[3", 3),
            (b"abc\x1b]0;title", 3),
            ("ab\u{e4}".as_bytes().split_last().unwrap().1, 2),
        ] {
            assert_eq!(whole(bytes), end, "{bytes:?}");
        }
        let noise = [&b"a\x1b]"[..], &[b'x'; 5000]].concat();
        assert_eq!(whole(&noise), noise.len());
    }

    #[test]
    fn numbers_of_a_hostile_terminal_ask_for_no_memory() {
        let raw = "\u{1b}[99999999999C\u{1b}[4000000Cx\r\u{1b}[9999999@y";
        assert!(text(raw.repeat(2_000).as_bytes(), 80).len() < 10_000);
    }
}
