//! What a line printed, as it is told: what is new of it, and of a long output the
//! beginning and the end.

use super::buffer::{KEPT_BYTES, Piece};
use super::line_run::Line;
use super::paper::Paper;
use super::text::whole;

/// How far before the end a sequence may begin that is not complete, in bytes.
const TAIL_BYTES: u64 = 8 << 10;

/// What a line came to.
#[derive(Debug)]
pub struct Ran {
    /// How far it came.
    pub state: RanState,
    /// What it printed, as text, since the last that was told.
    pub output: String,
    /// What of it is not in `output`: from where it can still be read, and how
    /// much is left out there, in bytes.
    pub left_out: Option<LeftOut>,
    /// The position of the first byte that is told of here.
    pub begins_at: u64,
}

/// A middle that is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// Where its words stand in the output, in bytes.
    pub at: usize,
    /// In bytes.
    pub bytes: u64,
    /// How much of that, its beginning, is kept no more, in bytes.
    pub lost: u64,
    /// The position of what of it is still kept.
    pub cursor: u64,
}

/// How far a line came.
#[derive(Debug, PartialEq, Eq)]
pub enum RanState {
    /// It ended.
    Done {
        /// Its exit status; none where the shell itself is gone without one.
        status: Option<i32>,
        /// The shell's folder afterwards; empty where it is gone.
        cwd: String,
    },
    /// It goes on.
    Running,
    /// It seems to wait for something; in words, with `shell_` for the tools.
    Waiting(&'static str),
}

/// What the line printed since the last that was told, in about `room` bytes; the
/// next read without a cursor goes on behind it.
pub(super) fn told(paper: &mut Paper, state: RanState, room: usize) -> Ran {
    let Some(line) = &paper.run.line else {
        return Ran {
            state,
            output: String::new(),
            left_out: None,
            begins_at: paper.buffer().end(),
        };
    };
    let begins_at = line.told;
    let is_running = line.is_running();
    let goes_on = matches!(state, RanState::Running | RanState::Waiting(_));
    let part = part(paper, line, goes_on, room);
    let mut output = paper.text(&part.begin);
    let left_out = part.left_out.map(|left_out| LeftOut {
        at: output.len(),
        ..left_out
    });
    output.push_str(&paper.text(&part.tail));
    // Of a line that the shell never ran, the echo came first.
    let output = if is_running {
        output
    } else {
        output
            .split_once('\n')
            .map(|(_echo, rest)| rest.to_owned())
            .unwrap_or_default()
    };
    if let Some(line) = &mut paper.run.line {
        line.told = part.to;
    }
    paper.set_read(part.to);
    Ran {
        state,
        output,
        left_out,
        begins_at,
    }
}

/// What is told of an output.
#[derive(Debug, Default)]
struct Part {
    begin: Vec<u8>,
    /// Between both, where that is not nothing.
    left_out: Option<LeftOut>,
    tail: Vec<u8>,
    /// Behind all that is told.
    to: u64,
}

fn part(paper: &Paper, line: &Line, goes_on: bool, room: usize) -> Part {
    let from = line.told;
    let end = match &line.outcome {
        Some(outcome) => outcome.to,
        None => paper.buffer().end(),
    };
    let mut end = end.max(from);
    if goes_on {
        end = whole_end(paper, from, end);
    }
    let all = paper.between(from, end);
    if all.lost == 0 && all.bytes.len() <= room {
        return Part {
            to: all.end(),
            begin: all.bytes,
            ..Part::default()
        };
    }
    let begin_room = room * 2 / 3;
    let tail_room = (room - begin_room).min(KEPT_BYTES) as u64;
    let mut begin = paper.between(from, from + begin_room as u64);
    if begin.lost > 0 {
        // It has fallen out, but of the line's very beginning some was kept.
        let head = if from == line.begins_at() {
            line.head()
        } else {
            &[]
        };
        begin = Piece::of(from, head.get(..begin_room).unwrap_or(head));
    }
    begin.bytes.truncate(whole(&begin.bytes));
    let tail_from = begin.end().max(end.saturating_sub(tail_room));
    let mut tail = paper.between(tail_from, end);
    let to = tail.end();
    let skipped = if tail.at > begin.end() {
        partial(&tail.bytes)
    } else {
        0
    };
    let bytes = tail.position(skipped).saturating_sub(begin.end());
    let fallen_out = paper.buffer().start().saturating_sub(begin.end());
    let lost = fallen_out.min(bytes);
    let left_out = LeftOut {
        at: 0,
        bytes,
        lost,
        cursor: begin.end() + lost,
    };
    tail.bytes.drain(..skipped);
    Part {
        begin: begin.bytes,
        left_out: (bytes > 0).then_some(left_out),
        tail: tail.bytes,
        to,
    }
}

/// Before the sequence or character at the end of which more may come.
fn whole_end(paper: &Paper, from: u64, end: u64) -> u64 {
    let tail = paper.between(from.max(end.saturating_sub(TAIL_BYTES)), end);
    tail.position(whole(&tail.bytes))
}

/// How much at the beginning belongs to a line, or at least to a character, whose
/// beginning is not there. A line that is nearly all of it stays.
fn partial(bytes: &[u8]) -> usize {
    let first = bytes.get(..bytes.len() / 2).unwrap_or(bytes);
    match memchr::memchr(b'\n', first) {
        Some(line_end) => line_end + 1,
        None => bytes
            .iter()
            .take_while(|byte| **byte & 0xc0 == 0x80)
            .count(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A shell in which a line runs that has printed this.
    fn printed(output: &[u8]) -> Paper {
        let mut paper = Paper::new(24, 80);
        paper.run.ask("ab".into());
        paper.print(b"\x1b]7717;ab;ready;bash\x07$ ");
        let position = paper.buffer().end();
        paper.run.begin(position);
        paper.print(b"x\r\n\x1b]133;C;rsmcp=ab\x07");
        for piece in output.chunks(32 << 10) {
            paper.print(piece);
        }
        paper
    }

    const END: &[u8] = b"\x1b]133;D;0;rsmcp=ab;cwd=/\x07$ ";

    fn done() -> RanState {
        RanState::Done {
            status: Some(0),
            cwd: "/".into(),
        }
    }

    #[test]
    fn what_has_fallen_out_is_counted_however_much_room_there_is() {
        let lines = (0..400_000).fold(String::new(), |all, n| all + &format!("{n:06}\r\n"));
        let mut paper = printed(lines.as_bytes());
        paper.print(END);
        let ran = told(&mut paper, done(), 51 << 20);
        assert!(ran.output.starts_with("000000\n000001\n"));
        assert!(ran.output.ends_with("\n399999\n"));
        let left_out = ran.left_out.unwrap();
        // All that is kept is told, from the first whole line on.
        assert!(left_out.bytes - left_out.lost < 8, "{left_out:?}");
        // A line end is one byte more than in text.
        let shown = ran.output.len() / 7 * 8;
        assert!(
            (left_out.bytes + shown as u64).abs_diff(lines.len() as u64) < 16,
            "{left_out:?} {shown}"
        );
        let mut paper = printed(lines.as_bytes());
        paper.print(END);
        let some = told(&mut paper, done(), 9_000);
        let left_out = some.left_out.unwrap();
        assert!(left_out.lost < left_out.bytes, "{left_out:?}");
        let (begin, _) = some.output.split_at(left_out.at);
        assert!(begin.starts_with("000000\n") && begin.len() > 4_000);
    }

    #[test]
    fn a_flood_that_goes_on_is_cut_between_characters() {
        let mut flood = "ü".repeat(50_000).into_bytes();
        flood.pop();
        for room in [1_000, 1_001, 1_002, 1_003, 200_000] {
            let mut paper = printed(&flood);
            let ran = told(&mut paper, RanState::Running, room);
            assert!(!ran.output.contains('\u{fffd}'), "{room}");
            paper.print(b"\xbc");
            assert_eq!(told(&mut paper, RanState::Running, room).output, "ü");
        }
    }

    #[test]
    fn a_half_come_end_mark_is_no_output_and_no_end() {
        for room in [4, 100] {
            let mut paper = printed(b"0123456789");
            paper.print(END.get(..9).unwrap());
            let ran = told(&mut paper, RanState::Running, room);
            assert!(
                ran.output.starts_with("01") && ran.output.ends_with('9'),
                "{ran:?}"
            );
            paper.print(END.get(9..).unwrap());
            let ran = told(&mut paper, done(), room);
            assert_eq!((ran.output.as_str(), ran.left_out), ("", None));
        }
    }
}
