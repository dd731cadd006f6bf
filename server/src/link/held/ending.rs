//! The end of a held shell's output: what its terminal prints last is a mark of
//! ours, and behind it stands only what the recorder says of itself.

use super::super::durable::Mark;

/// Passes output on up to the mark.
#[derive(Debug)]
pub(in crate::link) struct Ending {
    mark: Vec<u8>,
    /// The beginning of a mark, perhaps.
    held: Vec<u8>,
    is_over: bool,
}

impl Ending {
    /// Of the shell `mark`.
    pub(in crate::link) fn new(mark: &Mark) -> Self {
        Self {
            mark: format!("\u{1b}]7717;{mark};end\u{7}").into_bytes(),
            held: Vec::new(),
            is_over: false,
        }
    }

    /// What of `bytes`, and of what was held back before, is output.
    pub(in crate::link) fn pass(&mut self, bytes: &[u8]) -> Vec<u8> {
        if self.is_over {
            return Vec::new();
        }
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        let found = all
            .windows(self.mark.len())
            .position(|piece| piece == self.mark);
        if let Some(at) = found {
            self.is_over = true;
            all.truncate(at);
            return all;
        }
        let most = self.mark.len().min(all.len() + 1) - 1;
        let begun = (0..=most)
            .rev()
            .find(|length| all.ends_with(self.mark.get(..*length).unwrap_or_default()));
        self.held = all.split_off(all.len() - begun.unwrap_or(0));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_mark_is_no_output_wherever_it_is_cut() {
        let mark = Mark::parse("0123456789abcdef").unwrap();
        let all = b"out\x1b[0m\x1b]7717;0123456789abcdef;end\x07\nScript done\n";
        for first in 0..all.len() {
            for second in first..all.len() {
                let mut ending = Ending::new(&mark);
                let mut shown = Vec::new();
                for piece in [&all[..first], &all[first..second], &all[second..]] {
                    shown.extend(ending.pass(piece));
                }
                assert_eq!(shown, b"out\x1b[0m", "{first} {second}");
            }
        }
    }

    #[test]
    fn what_only_begins_like_the_mark_is_output() {
        let mark = Mark::parse("0123456789abcdef").unwrap();
        let mut ending = Ending::new(&mark);
        assert_eq!(ending.pass(b"a\x1b]7717;0"), b"a");
        assert_eq!(ending.pass(b"x"), b"\x1b]7717;0x");
    }
}
