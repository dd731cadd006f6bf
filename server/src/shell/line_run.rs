//! Where the prompt hook and the line that runs stand, by the marks that came.
//! Decides nothing and waits for nothing.

use super::buffer::Buffer;
use super::hook::Kind;
use super::marks::{Mark, mark};

/// What is kept of the beginning of a line's output, in bytes: more than a result
/// shows of it, however much the line prints.
const HEAD_BYTES: usize = 64 << 10;

/// The status of a line that is no command, as fish has it elsewhere.
const NOT_RUN: i32 = 127;

/// Shells within shells that are remembered.
const NESTED_MAX: usize = 8;

/// The hook and the line.
#[derive(Debug, Default)]
pub(super) struct LineRun {
    hook_id: Option<String>,
    /// Hooks of shells around this one, the innermost last: when it ends, theirs
    /// tells.
    outer: Vec<(String, Kind)>,
    /// What the shell said it is, when asked.
    pub(super) program: Option<String>,
    /// The hook that is in place.
    pub(super) kind: Option<Kind>,
    /// The line editor has heard that a line follows.
    pub(super) is_armed: bool,
    /// A line has begun and not ended.
    is_busy: bool,
    /// The line that was run last.
    pub(super) line: Option<Line>,
}

/// A line that was typed, and what came of it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Where it was typed.
    typed_at: u64,
    /// Where its output begins; none while it is only echoed.
    from: Option<u64>,
    head: Vec<u8>,
    pub(super) outcome: Option<Outcome>,
    /// Output up to here was told.
    pub(super) told: u64,
}

/// Why no other line can be typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OpenLine {
    /// One runs.
    Runs,
    /// One was typed that the shell has not begun: it waits for its rest.
    Unfinished,
}

/// How a line ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Where its output ends.
    pub(super) to: u64,
    pub(super) status: i32,
    pub(super) cwd: String,
}

impl LineRun {
    /// The mark that the text of an OSC sequence is, of this shell's hook or of one
    /// around it: that one's shell is back.
    pub(super) fn mark(&mut self, said: &[u8]) -> Option<Mark> {
        if let Some(found) = self.hook_id.as_deref().and_then(|id| mark(said, id)) {
            return Some(found);
        }
        let (at, found) = self
            .outer
            .iter()
            .enumerate()
            .rev()
            .find_map(|(at, (id, _))| Some((at, mark(said, id)?)))?;
        if !matches!(found, Mark::Ended { .. }) {
            return None;
        }
        if let Some((id, kind)) = self.outer.drain(at..).next() {
            self.hook_id = Some(id);
            self.kind = Some(kind);
        }
        Some(found)
    }

    /// Another hook is asked for, in another shell.
    pub(super) fn ask(&mut self, id: String) {
        let mut outer = std::mem::take(&mut self.outer);
        if let (Some(id), Some(kind)) = (self.hook_id.take(), self.kind) {
            outer.push((id, kind));
        }
        let over = outer.len().saturating_sub(NESTED_MAX);
        outer.drain(..over);
        *self = Self {
            hook_id: Some(id),
            outer,
            ..Self::default()
        };
    }

    /// The hook that was asked for did not come; those around may tell still.
    pub(super) fn give_up(&mut self) {
        self.hook_id = None;
        self.kind = None;
        self.is_busy = !self.outer.is_empty();
    }

    /// The line that is in the way of another.
    pub(super) fn open_line(&self) -> Option<OpenLine> {
        if self.is_busy {
            return Some(OpenLine::Runs);
        }
        let line = self.line.as_ref()?;
        let is_open = line.outcome.is_none() && !line.is_running();
        is_open.then_some(OpenLine::Unfinished)
    }

    /// Nothing of the line was typed.
    pub(super) fn withdraw(&mut self) {
        self.line = None;
    }

    /// A line is typed at `position`.
    pub(super) fn begin(&mut self, position: u64) {
        self.line = Some(Line {
            typed_at: position,
            told: position,
            ..Line::default()
        });
    }

    /// A mark came, between these positions.
    pub(super) fn heard(&mut self, mark: Mark, from: u64, to: u64) {
        match mark {
            Mark::Program(program) => self.program = Some(program),
            Mark::Ready(name) => self.kind = Kind::named(&name),
            Mark::Armed => self.is_armed = true,
            Mark::Begun => {
                self.is_busy = true;
                if let Some(line) = &mut self.line
                    && line.from.is_none()
                {
                    line.from = Some(to);
                    line.told = to;
                }
            }
            Mark::Ended { status, cwd } => {
                self.is_busy = false;
                if let Some(line) = &mut self.line
                    && line.outcome.is_none()
                {
                    // fish has no status for a line that it never ran.
                    let is_refused = line.from.is_none() && self.kind == Some(Kind::Fish);
                    line.outcome = Some(Outcome {
                        to: from,
                        status: if is_refused { NOT_RUN } else { status },
                        cwd,
                    });
                }
            }
        }
    }

    /// Keeps the beginning of the line's output.
    pub(super) fn collect(&mut self, buffer: &Buffer) {
        if let Some(line) = &mut self.line {
            line.collect(buffer);
        }
    }
}

impl Line {
    /// Where its output begins: behind its echo, where the shell does not say.
    pub(super) fn begins_at(&self) -> u64 {
        self.from.unwrap_or(self.typed_at)
    }

    /// Whether the shell has said that it runs.
    pub(super) fn is_running(&self) -> bool {
        self.from.is_some()
    }

    /// The beginning of its output, as far as it is kept.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    fn collect(&mut self, buffer: &Buffer) {
        let Some(from) = self.from else {
            return;
        };
        let next = from + self.head.len() as u64;
        let end = self.outcome.as_ref().map_or(buffer.end(), |end| end.to);
        let room = (HEAD_BYTES - self.head.len()) as u64;
        let wanted = usize::try_from(end.saturating_sub(next).min(room)).unwrap_or(0);
        let piece = buffer.read(next, wanted);
        if wanted > 0 && piece.lost == 0 {
            self.head.extend_from_slice(&piece.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(status: i32) -> Mark {
        Mark::Ended {
            status,
            cwd: "/".into(),
        }
    }

    #[test]
    fn a_lines_output_is_what_came_between_its_marks() {
        let mut run = LineRun::default();
        let mut buffer = Buffer::default();
        run.ask("ab".into());
        buffer.push(b"$ ls\r\n");
        run.begin(2);
        run.heard(Mark::Begun, 6, 6);
        buffer.push(b"file\r\n");
        run.collect(&buffer);
        assert!(run.is_busy && run.line.as_ref().unwrap().is_running());
        run.heard(ended(0), 12, 12);
        buffer.push(b"$ ");
        run.collect(&buffer);
        let line = run.line.as_ref().unwrap();
        assert_eq!(line.head(), b"file\r\n");
        assert_eq!(line.outcome.as_ref().unwrap().to, 12);
        // The next prompt is nobody's end.
        run.heard(ended(1), 20, 20);
        assert_eq!(
            run.line.as_ref().unwrap().outcome.as_ref().unwrap().status,
            0
        );
    }

    #[test]
    fn the_end_of_an_inner_shell_is_told_by_the_one_around_it() {
        let mut run = LineRun::default();
        run.ask("outer".into());
        run.heard(Mark::Ready("bash".into()), 0, 0);
        run.begin(0);
        run.heard(Mark::Begun, 0, 0);
        run.ask("inner".into());
        run.heard(Mark::Ready("plain".into()), 5, 5);
        run.begin(5);
        run.heard(Mark::Begun, 5, 5);
        assert_eq!(run.mark(b"133;C;rsmcp=outer"), None, "its line runs still");
        let told = run.mark(b"133;D;4;rsmcp=outer;cwd=/").unwrap();
        run.heard(told, 9, 9);
        assert_eq!(run.kind, Some(Kind::Bash));
        assert_eq!(
            run.line.as_ref().unwrap().outcome.as_ref().unwrap().status,
            4
        );
        assert_eq!(run.mark(b"133;C;rsmcp=inner"), None);
        assert_eq!(run.mark(b"133;C;rsmcp=outer"), Some(Mark::Begun));
    }

    #[test]
    fn the_beginning_of_a_long_output_is_kept_when_it_has_fallen_out() {
        let mut run = LineRun::default();
        let mut buffer = Buffer::default();
        run.begin(0);
        run.heard(Mark::Begun, 0, 0);
        for _ in 0..100 {
            buffer.push(&vec![b'x'; 32 << 10]);
            run.collect(&buffer);
        }
        assert!(buffer.start() > HEAD_BYTES as u64);
        assert_eq!(run.line.unwrap().head().len(), HEAD_BYTES);
    }
}
