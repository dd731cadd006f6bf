//! Cutting a long text: beginning and end stay around one line that says what
//! was left out and how to read it.

/// `text` within about `max` bytes. `more` is asked for the call that reads
/// what is left out behind the first so many bytes; it may have none.
pub(super) fn cut(text: &str, max: usize, more: impl Fn(usize) -> String) -> String {
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
    let left_out = text.len() - head.len() - tail.len();
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
        let short = cut(&text, 99, |shown| format!("output_read offset={shown}"));
        assert!(short.len() < 99 + 80, "{}", short.len());
        assert!(short.starts_with("ää") && short.ends_with("ää"));
        assert!(
            short.contains("[... 902 bytes left out; to read it: output_read offset=66 ...]"),
            "{short}"
        );
    }

    #[test]
    fn what_fits_is_left_alone() {
        assert_eq!(cut("short", 5, |_| "x".into()), "short");
    }
}
