//! Holds back what is only the way in of a prompt hook: a line that was typed to
//! learn what shell there is, and its echo. The holding back ends, whatever comes
//! first:
//! - at the mark that the hook was to say: what was held is never shown;
//! - when too much came, the shell ends or output is lost, or whoever hooks gives up
//!   or is given up: all of it is shown after all.

use super::marks::{Mark, mark};
use super::scan::{Finding, Scanner};

/// What is held back at most, in bytes: a hook's own lines, echoed with colours,
/// are shorter.
const HELD_MAX_BYTES: usize = 64 << 10;

/// What the hook must say for the holding back to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// That it is in place.
    Ready,
    /// That the line editor listens, which is after the next prompt.
    Armed,
}

/// What becomes of output that came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Passed {
    /// So many bytes, which came first, are never shown.
    pub(super) hidden: u64,
    /// This is, behind them. What is in neither is held back still.
    pub(super) shown: Vec<u8>,
}

impl Passed {
    fn shown(shown: Vec<u8>) -> Self {
        Self { hidden: 0, shown }
    }
}

/// What is held back.
#[derive(Debug, Default)]
pub(super) struct Hidden {
    hook: Option<(String, Until)>,
    held: Vec<u8>,
    scanner: Scanner,
    heard: Vec<Mark>,
}

impl Hidden {
    /// Holds back what comes from here on, until the hook `id` says that.
    pub(super) fn begin(&mut self, id: &str, until: Until) {
        if self.hook.is_none() {
            self.scanner = Scanner::at(0);
        }
        self.hook = Some((id.to_owned(), until));
    }

    /// What of `bytes`, and of what was held back before, is to be shown.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Passed {
        let Some((id, until)) = &self.hook else {
            return Passed::shown(bytes.to_vec());
        };
        self.held.extend_from_slice(bytes);
        let (mut ended_at, heard) = (None, &mut self.heard);
        self.scanner.read(bytes, |finding, _, to| {
            if let Finding::Osc(text) = finding
                && ended_at.is_none()
                && let Some(mark) = mark(&text, id)
            {
                let ends = match &mark {
                    // A bash without a line editor is plain, and has no key.
                    Mark::Ready(kind) => *until == Until::Ready || kind == "plain",
                    Mark::Armed => true,
                    _ => false,
                };
                ended_at = ends.then(|| usize::try_from(to).unwrap_or(usize::MAX));
                heard.push(mark);
            }
        });
        if let Some(to) = ended_at {
            self.hook = None;
            let mut held = std::mem::take(&mut self.held);
            let shown = held.split_off(to.min(held.len()));
            let hidden = held.len() as u64;
            return Passed { hidden, shown };
        }
        if self.held.len() > HELD_MAX_BYTES {
            return Passed::shown(self.give_up());
        }
        Passed::default()
    }

    /// How much is held back now, in bytes.
    pub(super) fn held(&self) -> u64 {
        self.held.len() as u64
    }

    /// What the hook said in what was held back.
    pub(super) fn take_marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.heard)
    }

    /// Holds nothing back any more; what was.
    pub(super) fn give_up(&mut self) -> Vec<u8> {
        self.hook = None;
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_in_is_not_shown_and_what_follows_is() {
        let mut hidden = Hidden::default();
        assert_eq!(hidden.pass(b"$ ").shown, b"$ ");
        hidden.begin("ab", Until::Armed);
        let plain = hidden.pass(b"\x1b]7717;ab;ready;plain\x07$ ");
        assert_eq!(plain.shown, b"$ ");
        assert_eq!(hidden.take_marks(), [Mark::Ready("plain".into())]);
        hidden.begin("ab", Until::Armed);
        for held in [&b" sh -c '...'\r\n\x1b]7717;ab;rea"[..], b"dy;bash\x07$ "] {
            assert_eq!(hidden.pass(held), Passed::default());
        }
        let before = hidden.held();
        assert_eq!(hidden.take_marks(), [Mark::Ready("bash".into())]);
        let passed = hidden.pass(b"\x1b]7717;ab;armed;\x07$ ");
        assert_eq!((passed.hidden, passed.shown), (before + 17, b"$ ".to_vec()));
        assert_eq!(hidden.take_marks(), [Mark::Armed]);
        assert_eq!((hidden.held(), hidden.pass(b"x").shown), (0, b"x".to_vec()));
    }

    #[test]
    fn without_an_answer_nothing_is_kept_back_for_ever() {
        let mut hidden = Hidden::default();
        hidden.begin("ab", Until::Ready);
        assert_eq!(hidden.pass(b"Password: "), Passed::default());
        assert_eq!(hidden.give_up(), b"Password: ");
        hidden.begin("ab", Until::Ready);
        let flood = vec![b'y'; HELD_MAX_BYTES + 1];
        assert_eq!(hidden.pass(&flood).shown.len(), flood.len());
    }
}
