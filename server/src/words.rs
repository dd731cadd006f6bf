//! Words of somebody else, a server or a client, made fit to be shown: they sit in
//! errors, lists and the audit log, beside what is our own.

/// Whether a character does nothing but show itself: it controls no terminal, and
/// neither turns the direction of text (Unicode TR 9) nor splits its line. Line ends and
/// tabs pass.
pub fn harmless(c: char) -> bool {
    match c {
        '\n' | '\r' | '\t' => true,
        _ => is_visible(c),
    }
}

/// At most `most` characters of `said`, on one line; what is not shown is a space.
pub fn one_line(said: &str, most: usize) -> String {
    let visible = said.chars().map(|c| if is_visible(c) { c } else { ' ' });
    visible.take(most).collect::<String>().trim().to_owned()
}

fn is_visible(c: char) -> bool {
    let turns = matches!(c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}');
    !turns && !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_come_on_one_line_and_control_nothing() {
        for (said, line) in [
            ("no space", "no space"),
            (" a\nb\t\u{1b}[31mc\0 ", "a b  [31mc"),
            ("\u{202e}gpj.exe\u{2066}", "gpj.exe"),
            ("Grüße 你好", "Grüße 你好"),
            ("twelve letters and more", "twelve lette"),
            ("", ""),
        ] {
            assert_eq!(one_line(said, 12), line, "{said:?}");
        }
    }
}
