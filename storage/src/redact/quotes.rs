//! Quotation marks, plain or escaped: which one is open, where it closes.

/// A quotation mark and the backslashes before it: `"`, `'`, `\"`, `\\\"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) backslashes: usize,
    pub(super) quote: char,
}

/// How a shell goes on after a single quote inside single quotes.
const QUOTED_QUOTE: &str = "'\\''";

impl Mark {
    /// How many bytes of `text` it encloses; `None` when it is not closed.
    pub(super) fn encloses(self, text: &str) -> Option<usize> {
        let mut run = 0;
        let mut from = 0;
        for (at, c) in text.char_indices() {
            if at < from {
                continue;
            }
            if c == '\\' {
                run += 1;
                continue;
            }
            if self.is_closed_by(c, run) {
                let goes_on = self.backslashes == 0
                    && text.get(at..).is_some_and(|t| t.starts_with(QUOTED_QUOTE));
                if !goes_on {
                    return Some(at - self.backslashes);
                }
                from = at + QUOTED_QUOTE.len();
            }
            run = 0;
        }
        None
    }

    /// Each level of escaping doubles the backslashes and adds one.
    fn is_closed_by(self, c: char, backslashes: usize) -> bool {
        c == self.quote && backslashes % (2 * (self.backslashes + 1)) == self.backslashes
    }
}

/// What is open at a place of the text, within its line.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Quotes {
    open: Option<Mark>,
    backslashes: usize,
    is_behind_letter: bool,
}

impl Quotes {
    pub(super) fn open(&self) -> Option<Mark> {
        self.open
    }

    /// Goes on behind `text`.
    pub(super) fn pass(&mut self, text: &str) {
        for c in text.chars() {
            if c == '\\' {
                self.backslashes += 1;
                continue;
            }
            if c == '\n' {
                self.open = None;
            }
            if matches!(c, '"' | '\'') {
                self.pass_quote(c);
            }
            self.backslashes = 0;
            self.is_behind_letter = c.is_alphanumeric();
        }
    }

    fn pass_quote(&mut self, quote: char) {
        match self.open {
            Some(mark) if mark.is_closed_by(quote, self.backslashes) => self.open = None,
            Some(_) => {}
            None if quote == '\'' && self.is_behind_letter => {} // an apostrophe
            None => {
                self.open = Some(Mark {
                    backslashes: self.backslashes,
                    quote,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_closes_at_its_own_level() {
        let table = [
            (0, '"', r#"a\"b" c"#, Some(4)),
            (0, '"', r#"a\\" c"#, Some(3)),
            (1, '"', r#"a\\\"b\" c"#, Some(6)),
            (0, '\'', r"a'\''b' c", Some(6)),
            (0, '"', "a' b", None),
        ];
        for (backslashes, quote, text, expected) in table {
            let mark = Mark { backslashes, quote };
            assert_eq!(mark.encloses(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_open_is_known_and_an_apostrophe_opens_nothing() {
        let table = [
            ("don't", None),
            ("a 'b", Some((0, '\''))),
            ("a 'b' ", None),
            (r#"{"a": "b\"c"#, Some((0, '"'))),
            (r#"{\"a\": \"b"#, Some((1, '"'))),
            ("\"a\n", None),
        ];
        for (text, expected) in table {
            let mut quotes = Quotes::default();
            quotes.pass(text);
            let open = quotes.open().map(|mark| (mark.backslashes, mark.quote));
            assert_eq!(open, expected, "{text}");
        }
    }
}
