//! Cutting a long text: beginning and end stay around one line that says what
//! was left out and how to read it.

use crate::tools::answer::Gap;

/// `text` within about `max` bytes. `more` is asked for the call that reads
/// what is left out behind the first so many bytes; it may have none. A gap that
/// the text has already is counted where the cut swallows it.
pub(super) fn cut(
    text: &str,
    max: usize,
    gap: Option<Gap>,
    more: impl Fn(usize) -> String,
) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    // Two thirds for the beginning: the end of a log matters, and so does what
    // the command was.
    let first = text.floor_char_boundary(max * 2 / 3);
    let last = text.ceil_char_boundary(text.len() - (max - max * 2 / 3));
    let (head, tail) = (
        text.get(..first).unwrap_or(""),
        text.get(last..).unwrap_or(""),
    );
    let mut left_out = (text.len() - head.len() - tail.len()) as u64;
    if let Some(gap) = gap
        && first <= gap.at
        && gap.at + gap.words <= last
    {
        left_out = left_out + gap.left_out - gap.words as u64;
    }
    let call = more(head.len());
    let how = if call.is_empty() {
        call
    } else {
        format!("; to read it: {call}")
    };
    format!("{head}\n[... {left_out} bytes left out{how} ...]\n{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_and_end_stay_and_characters_stay_whole() {
        let text = "ä".repeat(500);
        let short = cut(&text, 99, None, |shown| {
            format!("output_read offset={shown}")
        });
        assert!(short.len() < 99 + 80, "{}", short.len());
        assert!(short.starts_with("ää") && short.ends_with("ää"));
        assert!(
            short.contains("[... 902 bytes left out; to read it: output_read offset=66 ...]"),
            "{short}"
        );
    }

    #[test]
    fn a_gap_in_the_middle_is_counted_with_what_is_cut() {
        let text = format!("{}[...]{}", "a".repeat(100), "b".repeat(100));
        let gap = Gap {
            at: 100,
            words: 5,
            left_out: 1_000_000,
        };
        let short = cut(&text, 60, Some(gap), |_| String::new());
        assert!(
            short.contains("[... 1000140 bytes left out ...]"),
            "{short}"
        );
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(cut("short", 5, None, |_| "x".into()), "short");
    }
}
