//! One line of an `ssh_config` file: its keyword and its arguments, split as
//! ssh(1) splits them.

/// What ssh(1) takes for white space between a keyword and its arguments.
const WHITE: [char; 4] = [' ', '\t', '\r', '\n'];

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// In lower case.
    pub(super) keyword: String,
    /// All that follows, as written, without white space around it.
    pub(super) rest: &'a str,
}

impl<'a> Line<'a> {
    /// The line, unless it is blank or a comment.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        // A form feed counts at the end of a line alone.
        let text = text.trim_end_matches(|c| WHITE.contains(&c) || c == '\x0c');
        let mut after = text.trim_start_matches(WHITE);
        let keyword = next_word(&mut after)?;
        if keyword.is_empty() || keyword.starts_with('#') {
            return None;
        }
        Some(Self {
            keyword: keyword.to_ascii_lowercase(),
            rest: after.trim_start_matches(WHITE),
        })
    }
}

/// Takes the next word, which ends at white space or at one `=`. A part in
/// double quotes keeps its white space. None at the end, or where a quote is
/// not closed.
pub(super) fn next_word(text: &mut &str) -> Option<String> {
    if text.is_empty() {
        return None;
    }
    let ends = |c: char| WHITE.contains(&c) || c == '"' || c == '=';
    let Some(at) = text.find(ends) else {
        let word = (*text).to_owned();
        *text = "";
        return Some(word);
    };
    let (word, after) = text.split_at(at);
    if let Some(quoted) = after.strip_prefix('"') {
        let (inner, after) = quoted.split_once('"')?;
        *text = after.trim_start_matches(WHITE);
        return Some(format!("{word}{inner}"));
    }
    let was_equals = after.starts_with('=');
    let mut after = after.get(1..).unwrap_or_default().trim_start_matches(WHITE);
    if !was_equals && let Some(more) = after.strip_prefix('=') {
        after = more.trim_start_matches(WHITE);
    }
    let word = word.to_owned();
    *text = after;
    Some(word)
}

/// The words of an argument list: apart by blanks and tabs, kept together by
/// either kind of quote or a backslash, ended by a word that begins with `#`.
/// None where a quote is not closed.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut left = text.chars().peekable();
    loop {
        while left.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        match left.peek() {
            None | Some('#') => return Some(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(c) = left.next() {
            match c {
                '\\' => {
                    let escaped = left.next_if(|next| match next {
                        '\'' | '"' | '\\' => true,
                        ' ' => quote.is_none(),
                        _ => false,
                    });
                    word.push(escaped.unwrap_or('\\'));
                }
                ' ' | '\t' if quote.is_none() => break,
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ if quote == Some(c) => quote = None,
                _ => word.push(c),
            }
        }
        if quote.is_some() {
            return None;
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_keyword_is_apart_from_its_arguments_by_blanks_or_one_equals_sign() {
        for text in [
            "Port 22",
            "\tport=22",
            "PORT = 22  ",
            "port =22\r",
            "port\t22\x0c",
        ] {
            let line = Line::parse(text).unwrap();
            assert_eq!(
                (line.keyword.as_str(), line.rest),
                ("port", "22"),
                "{text:?}"
            );
        }
        assert_eq!(Line::parse("port ==22").unwrap().rest, "=22");
        assert_eq!(Line::parse("  # Port 22"), None);
        assert_eq!(Line::parse(" \t\r"), None);
        assert_eq!(Line::parse("port").unwrap().rest, "");
    }

    #[test]
    fn words_are_kept_together_as_ssh_does() {
        let split = |text| words(text).unwrap();
        assert_eq!(split(r#"a "b c" 'd "e'"#), ["a", "b c", "d \"e"]);
        assert_eq!(split(r"a\ b \x \\ \'"), ["a b", r"\x", r"\", "'"]);
        assert_eq!(split("a#b #c"), ["a#b"]);
        assert_eq!(split(r#"x"y"z """#), ["xyz", ""]);
        assert_eq!(words("a 'b"), None);
    }

    #[test]
    fn the_words_of_a_condition_are_also_apart_by_equals_signs() {
        let mut left = r#"host="a b" user x"#;
        let mut taken = Vec::new();
        while let Some(word) = next_word(&mut left) {
            taken.push(word);
        }
        assert_eq!(taken, ["host", "a b", "user", "x"]);
    }
}
