//! The screen that a person would see, from what a terminal prints. vt100 is
//! named here and nowhere else.

use std::fmt::Write;
use std::num::NonZeroU16;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::time::Instant;
use vt100::Parser;

use super::buffer::{Buffer, KEPT_BYTES};
use crate::words::harmless;

/// What is drawn at once in each [`WINDOW`], in bytes: some 8 MB a second, a
/// fifth of a core. What a flood prints beyond that is drawn when somebody looks,
/// as far as it is still kept.
const BUDGET_BYTES: u64 = 800 << 10;
const WINDOW: Duration = Duration::from_millis(100);

/// A terminal's screen, drawn up to a position of its output.
pub(super) struct Terminal {
    parser: Parser,
    drawn: u64,
    window: Instant,
    /// Drawn in this window, in bytes.
    spent: u64,
}

/// A screen, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Screen {
    /// Its rows, without blanks at their ends; empty ones below the cursor are
    /// left out.
    pub(super) text: String,
    /// The cursor's place, counted from 1.
    pub(super) row: u16,
    /// The same across.
    pub(super) col: u16,
    /// A program has taken the whole screen.
    pub(super) is_alternate: bool,
}

impl Terminal {
    pub(super) fn new(rows: u16, cols: u16) -> Self {
        Self {
            parser: parser(rows, cols),
            drawn: 0,
            window: Instant::now(),
            spent: 0,
        }
    }

    /// Draws what is new, within its budget.
    pub(super) fn follow(&mut self, buffer: &Buffer) {
        if self.window.elapsed() > WINDOW {
            self.window = Instant::now();
            self.spent = 0;
        }
        let behind = buffer.end() - self.drawn;
        if self.spent + behind <= BUDGET_BYTES {
            self.spent += behind;
            self.catch_up(buffer);
        }
    }

    /// Draws all that is new and still kept.
    pub(super) fn catch_up(&mut self, buffer: &Buffer) {
        let piece = buffer.read(self.drawn, KEPT_BYTES);
        self.drawn = piece.end();
        let parser = &mut self.parser;
        // A defect there costs this screen alone.
        let drawn = catch_unwind(AssertUnwindSafe(|| parser.process(&piece.bytes)));
        if drawn.is_err() {
            tracing::error!("a terminal's screen was lost to a defect");
            let (rows, cols) = self.parser.screen().size();
            self.parser = parser_of(rows, cols);
        }
    }

    pub(super) fn resize(&mut self, rows: u16, cols: u16) {
        let (rows, cols) = size(rows, cols);
        let parser = &mut self.parser;
        let resized = catch_unwind(AssertUnwindSafe(|| parser.set_size(rows, cols)));
        if resized.is_err() {
            self.parser = parser_of(rows, cols);
        }
    }

    /// The cursor's place, counted from 1.
    pub(super) fn cursor(&self) -> (u16, u16) {
        let (row, col) = self.parser.screen().cursor_position();
        let (_, cols) = self.parser.screen().size();
        // Behind the last column it waits on the last.
        (row + 1, col.saturating_add(1).min(cols.get()))
    }

    /// Whether a text that is pasted is told from one that is typed.
    pub(super) fn takes_pastes(&self) -> bool {
        self.parser.screen().bracketed_paste()
    }

    pub(super) fn is_alternate(&self) -> bool {
        self.parser.screen().alternate_screen()
    }

    pub(super) fn screen(&self) -> Screen {
        let screen = self.parser.screen();
        let (row, col) = self.cursor();
        let (_, cols) = screen.size();
        let mut lines: Vec<String> = screen.rows(0, cols.get()).collect();
        while lines.len() > usize::from(row) && lines.last().is_some_and(|line| blank(line)) {
            lines.pop();
        }
        let mut text = String::new();
        for line in lines {
            text.extend(line.trim_end().chars().filter(|c| harmless(*c)));
            text.push('\n');
        }
        Screen {
            text,
            row,
            col,
            is_alternate: screen.alternate_screen(),
        }
    }
}

impl Screen {
    /// The screen and, in a last line, where the cursor is.
    pub(super) fn shown(&self) -> String {
        let mut shown = self.text.clone();
        let kind = if self.is_alternate {
            ", full-screen program"
        } else {
            ""
        };
        // Writing to a String cannot fail.
        let _infallible = write!(
            shown,
            "[cursor: row {}, column {}{kind}]",
            self.row, self.col
        );
        shown
    }
}

impl std::fmt::Debug for Terminal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terminal")
            .field("drawn", &self.drawn)
            .finish_non_exhaustive()
    }
}

fn blank(line: &str) -> bool {
    line.trim_end().is_empty()
}

fn parser(rows: u16, cols: u16) -> Parser {
    let (rows, cols) = size(rows, cols);
    parser_of(rows, cols)
}

fn parser_of(rows: NonZeroU16, cols: NonZeroU16) -> Parser {
    Parser::new(rows, cols, 0)
}

fn size(rows: u16, cols: u16) -> (NonZeroU16, NonZeroU16) {
    let sure = |size: u16| NonZeroU16::new(size).unwrap_or(NonZeroU16::MIN);
    (sure(rows), sure(cols))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(bytes: &[u8]) -> Terminal {
        let mut buffer = Buffer::default();
        buffer.push(bytes);
        let mut terminal = Terminal::new(4, 20);
        terminal.catch_up(&buffer);
        terminal
    }

    #[test]
    fn a_screen_is_what_a_person_sees_with_the_cursors_place() {
        let screen = drawn(b"old\x1b[2J\x1b[2;5Hhere\x1b[1;1Htop").screen();
        assert_eq!(screen.text, "top\n    here\n");
        assert_eq!((screen.row, screen.col), (1, 4));
        assert!(screen.shown().ends_with("\n[cursor: row 1, column 4]"));
    }

    #[test]
    fn a_full_screen_program_is_known_and_leaves_the_screen_as_it_was() {
        let mut buffer = Buffer::default();
        buffer.push(b"$ vi\r\n\x1b[?1049h\x1b[Htext");
        let mut terminal = Terminal::new(4, 20);
        terminal.catch_up(&buffer);
        assert!(terminal.is_alternate());
        assert!(terminal.screen().shown().contains("full-screen"));
        buffer.push(b"\x1b[?1049l");
        terminal.catch_up(&buffer);
        assert_eq!(terminal.screen().text, "$ vi\n\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_not_drawn_before_somebody_looks() {
        let mut buffer = Buffer::default();
        let mut terminal = Terminal::new(4, 20);
        for _ in 0..100 {
            buffer.push(&vec![b'y'; 32 << 10]);
            terminal.follow(&buffer);
        }
        assert!(terminal.drawn <= BUDGET_BYTES, "{}", terminal.drawn);
        buffer.push(b"\x1b[2J\x1b[Hend");
        terminal.catch_up(&buffer);
        assert_eq!(terminal.screen().text, "end\n");
        tokio::time::advance(WINDOW * 2).await;
        buffer.push(b"!");
        terminal.follow(&buffer);
        assert_eq!(terminal.screen().text, "end!\n");
    }

    #[test]
    fn no_size_and_no_sequence_breaks_it() {
        for (rows, cols) in [(0, 0), (1, 1), (1000, 1000)] {
            let mut terminal = Terminal::new(rows, cols);
            let mut buffer = Buffer::default();
            buffer
                .push("\u{1b}[99999;99999H🦀\u{1b}[1000L\u{1b}[2;1r\u{1b}M\u{1b}[999S".as_bytes());
            terminal.catch_up(&buffer);
            terminal.resize(1, 1);
            terminal.resize(cols, rows);
            assert!(!terminal.screen().shown().is_empty());
        }
    }
}
