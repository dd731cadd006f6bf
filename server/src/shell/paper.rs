//! What a shell has printed, in every form: bytes by position, the screen, the
//! marks of its prompt hook, and how far it was read.

use std::time::Duration;

use tokio::time::Instant;

use super::asking::{Asks, asks, is_password};
use super::buffer::{Buffer, KEPT_BYTES, Piece};
use super::end::End;
use super::hidden::{Hidden, Until};
use super::hook::Kind;
use super::line_run::{Line, LineRun, OpenLine};
use super::question::answer;
use super::scan::{Finding, Scanner};
use super::terminal::{Screen, Terminal};
use super::text::text;

/// How much of the end is looked at for the line that is not ended, in bytes.
const LAST_LINE_BYTES: u64 = 4 << 10;

/// A line editor that says nothing for so long has not run its line.
const REFUSED: Duration = Duration::from_millis(700);

/// All that is known of a shell's output.
#[derive(Debug)]
pub(super) struct Paper {
    buffer: Buffer,
    scanner: Scanner,
    terminal: Terminal,
    rows: u16,
    cols: u16,
    /// Where the next read without a cursor begins.
    next_read: u64,
    last_output: Instant,
    last_typed: Instant,
    end: Option<End>,
    /// What is not shown: the way in of a prompt hook.
    hidden: Hidden,
    /// The prompt hook, and the line that runs.
    pub(super) run: LineRun,
}

impl Paper {
    pub(super) fn new(rows: u16, cols: u16) -> Self {
        Self {
            buffer: Buffer::default(),
            scanner: Scanner::default(),
            terminal: Terminal::new(rows, cols),
            rows,
            cols,
            next_read: 0,
            last_output: Instant::now(),
            last_typed: Instant::now(),
            end: None,
            hidden: Hidden::default(),
            run: LineRun::default(),
        }
    }

    /// Takes what the terminal printed; what is to be typed in answer to a
    /// question in it.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.last_output = Instant::now();
        let passed = self.hidden.pass(bytes);
        for mark in self.hidden.take_marks() {
            self.run.heard(mark, self.buffer.end(), self.buffer.end());
        }
        self.buffer.hide(passed.hidden);
        self.scanner.pass_over(passed.hidden);
        self.show(&passed.shown)
    }

    /// How many bytes came so far: shown, hidden, held back and lost ones. Of a held
    /// shell it is the offset on its host from which its output goes on.
    pub(super) fn taken(&self) -> u64 {
        self.buffer.end() + self.hidden.held()
    }

    fn show(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.buffer.push(bytes);
        let mut found = Vec::new();
        self.scanner
            .read(bytes, |finding, from, to| found.push((finding, from, to)));
        let mut answers = Vec::new();
        for (finding, from, to) in found {
            match finding {
                Finding::Osc(said) => {
                    if let Some(mark) = self.run.mark(&said) {
                        self.run.heard(mark, from, to);
                    }
                }
                Finding::Csi(parameters, last) => {
                    let asked = answer(&parameters, last, || {
                        self.terminal.catch_up(&self.buffer);
                        self.terminal.cursor()
                    });
                    answers.extend(asked);
                }
            }
        }
        self.run.collect(&self.buffer);
        self.terminal.follow(&self.buffer);
        answers
    }

    pub(super) fn skip(&mut self, bytes: u64) {
        // What is held back came before.
        self.unhide();
        self.buffer.skip(bytes);
        self.scanner = Scanner::at(self.buffer.end());
    }

    pub(super) fn resize(&mut self, rows: u16, cols: u16) {
        // What came before was drawn for the other size.
        self.terminal.catch_up(&self.buffer);
        self.terminal.resize(rows, cols);
        (self.rows, self.cols) = (rows, cols);
    }

    pub(super) fn set_end(&mut self, end: End) {
        let rest = self.hidden.give_up();
        self.show(&rest);
        self.end.get_or_insert(end);
    }

    /// Hides what comes until the hook `id` says that.
    pub(super) fn hide(&mut self, id: &str, until: Until) {
        self.hidden.begin(id, until);
    }

    /// Shows what was hidden after all.
    pub(super) fn unhide(&mut self) {
        let rest = self.hidden.give_up();
        self.show(&rest);
    }

    pub(super) fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    pub(super) fn size(&self) -> (u16, u16) {
        (self.rows, self.cols)
    }

    pub(super) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    pub(super) fn next_read(&self) -> u64 {
        self.next_read
    }

    /// The next read without a cursor begins here.
    pub(super) fn set_read(&mut self, position: u64) {
        self.next_read = position;
    }

    pub(super) fn unread(&self) -> u64 {
        self.buffer.kept_behind(self.next_read)
    }

    /// Something was typed.
    pub(super) fn typed(&mut self) {
        self.last_typed = Instant::now();
    }

    /// How long nothing has come.
    pub(super) fn quiet(&self) -> Duration {
        self.last_output.elapsed()
    }

    pub(super) fn screen(&mut self) -> Screen {
        self.terminal.catch_up(&self.buffer);
        self.terminal.screen()
    }

    pub(super) fn takes_pastes(&mut self) -> bool {
        self.terminal.catch_up(&self.buffer);
        self.terminal.takes_pastes()
    }

    /// All that is kept from `from` up to `to`.
    pub(super) fn between(&self, from: u64, to: u64) -> Piece {
        let length = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut piece = self.buffer.read(from, length.min(KEPT_BYTES));
        piece.truncate(to);
        piece
    }

    pub(super) fn text(&self, bytes: &[u8]) -> String {
        text(bytes, usize::from(self.cols))
    }

    /// What the line that was run last, or whatever reads there, seems to wait for by
    /// now.
    pub(super) fn asks(&mut self) -> Option<Asks> {
        self.asks_after(self.silent())
    }

    /// How long nothing has come or was typed: that may not have been read yet.
    pub(super) fn silent(&self) -> Duration {
        self.quiet().min(self.since_typed())
    }

    pub(super) fn since_typed(&self) -> Duration {
        self.last_typed.elapsed()
    }

    /// What the last that was printed looks like, however short ago.
    pub(super) fn looks(&mut self) -> Option<Asks> {
        self.asks_after(Duration::MAX)
    }

    fn asks_after(&mut self, silent: Duration) -> Option<Asks> {
        self.terminal.catch_up(&self.buffer);
        let is_full_screen = self.terminal.is_alternate();
        let line = if is_full_screen {
            let shown = self.terminal.screen().text;
            shown.lines().last().unwrap_or_default().to_owned()
        } else {
            self.last_line(self.run.line.as_ref().map_or(0, Line::begins_at))
        };
        asks(&line, is_full_screen, silent)
    }

    /// Whether the shell has refused the line without a word to its hook: fish
    /// does.
    pub(super) fn keeps_line(&self) -> bool {
        self.run.kind == Some(Kind::Fish)
            && self.run.open_line() == Some(OpenLine::Unfinished)
            && self.quiet() >= REFUSED
    }

    pub(super) fn asks_secret(&self) -> bool {
        let line = self.last_line(0);
        is_password(line.trim().to_lowercase().as_str())
    }

    /// What was printed behind the last line end, and behind `from`.
    fn last_line(&self, from: u64) -> String {
        let from = from.max(self.buffer.end().saturating_sub(LAST_LINE_BYTES));
        let piece = self.buffer.read(from, KEPT_BYTES);
        let shown = self.text(&piece.bytes);
        shown.rsplit('\n').next().unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_that_came_counts_in_positions_hidden_ones_too() {
        let mut paper = Paper::new(24, 80);
        paper.print(b"$ ");
        paper.run.ask("ab".into());
        paper.hide("ab", Until::Armed);
        let way_in = b" sh -c '...'\r\n\x1b]7717;ab;ready;bash\x07$ ";
        paper.print(way_in);
        assert_eq!(
            (paper.buffer().end(), paper.taken()),
            (2, 2 + way_in.len() as u64)
        );
        let armed = b"\x1b]7717;ab;armed;\x07";
        paper.print(armed);
        let behind = 2 + (way_in.len() + armed.len()) as u64;
        assert_eq!((paper.buffer().end(), paper.taken()), (behind, behind));
        paper.run.begin(behind);
        paper.print(b"ls\r\n\x1b]133;C;rsmcp=ab\x07file\r\n\x1b]133;D;0;rsmcp=ab;cwd=/\x07$ ");
        let line = paper.run.line.as_ref().unwrap();
        let to = line.outcome.as_ref().unwrap().to;
        assert_eq!(paper.between(line.begins_at(), to).bytes, b"file\r\n");
        assert!(paper.between(0, to).bytes.starts_with(b"$ ls\r\n"));
        // What is held back came before what is lost.
        paper.hide("cd", Until::Armed);
        paper.print(b"held");
        let taken = paper.taken();
        paper.skip(7);
        assert_eq!(
            (paper.buffer().end(), paper.taken()),
            (taken + 7, taken + 7)
        );
    }
}
