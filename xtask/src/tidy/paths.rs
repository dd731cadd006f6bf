//! The `a::b::c` paths of a Rust file, trees of `use` opened out, without
//! comments, strings, and the file's own unit tests.

/// One path, as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PathUse {
    /// `["crate", "link", "Dial"]`; a glob ends in `*`.
    pub(super) segments: Vec<String>,
    /// Counted from 1.
    pub(super) line: usize,
    /// Whether it is `pub use` in any form.
    pub(super) reexport: bool,
    /// The name it is bound to: the last segment, or what follows `as`.
    pub(super) name: String,
}

/// Every path of at least two segments, in order.
pub(super) fn paths(text: &str) -> Vec<PathUse> {
    let tokens = tokens(&without_comments(without_tests(text)));
    let mut found = Vec::new();
    let mut at = 0;
    let mut public = false;
    while let Some((line, token)) = tokens.get(at) {
        match token.as_str() {
            "pub" => public = true,
            "use" => {
                at = tree(&tokens, at + 1, &[], public, &mut found);
                public = false;
                continue;
            }
            word if is_word(word) => {
                let (segments, next) = straight(&tokens, at);
                if segments.len() > 1 {
                    let name = segments.last().cloned().unwrap_or_default();
                    found.push(PathUse {
                        segments,
                        line: *line,
                        reexport: false,
                        name,
                    });
                }
                at = next;
                if word != "crate" && word != "super" && word != "in" {
                    public = false;
                }
                continue;
            }
            ";" | "{" | "}" => public = false,
            _ => {}
        }
        at += 1;
    }
    found
}

type Tokens = [(usize, String)];

/// Reads one `use` tree from `at`; the index behind it.
fn tree(
    tokens: &Tokens,
    mut at: usize,
    prefix: &[String],
    public: bool,
    into: &mut Vec<PathUse>,
) -> usize {
    let mut segments = prefix.to_vec();
    while let Some((line, token)) = tokens.get(at) {
        match token.as_str() {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(_, token)| token != "}") {
                    at = tree(tokens, at, &segments, public, into);
                    if tokens.get(at).is_some_and(|(_, token)| token == ",") {
                        at += 1;
                    }
                }
                return at + 1;
            }
            word if is_word(word) || word == "*" => {
                segments.push(word.to_owned());
                at += 1;
                let more = tokens.get(at).is_some_and(|(_, token)| token == "::");
                if !more {
                    let mut name = word.to_owned();
                    if tokens.get(at).is_some_and(|(_, token)| token == "as") {
                        name = tokens
                            .get(at + 1)
                            .map(|(_, t)| t.clone())
                            .unwrap_or_default();
                        at += 2;
                    }
                    into.push(PathUse {
                        segments,
                        line: *line,
                        reexport: public,
                        name,
                    });
                    return at;
                }
            }
            _ => return at + 1,
        }
    }
    at
}

/// Reads `a::b::c` from `at`; the index behind it.
fn straight(tokens: &Tokens, mut at: usize) -> (Vec<String>, usize) {
    let mut segments = Vec::new();
    while let Some((_, token)) = tokens.get(at).filter(|(_, token)| is_word(token)) {
        segments.push(token.clone());
        at += 1;
        if tokens.get(at).is_none_or(|(_, token)| token != "::") {
            break;
        }
        at += 1;
    }
    (segments, at.max(1))
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

fn tokens(text: &str) -> Vec<(usize, String)> {
    let mut tokens: Vec<(usize, String)> = Vec::new();
    let mut line = 1;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '\n' {
            line += 1;
        } else if c.is_alphanumeric() || c == '_' {
            let mut word = String::from(c);
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() || *c == '_') {
                word.push(next);
            }
            tokens.push((line, word));
        } else if c == ':' && rest.next_if_eq(&':').is_some() {
            tokens.push((line, "::".to_owned()));
        } else if !c.is_whitespace() {
            tokens.push((line, c.to_string()));
        }
    }
    tokens
}

/// Cut at the unit tests, which stand last.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or(text)
}

/// The text with comments and the insides of strings blanked, lines kept.
fn without_comments(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    for line in text.lines() {
        let mut in_string = false;
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\\' if in_string => {
                    rest.next();
                }
                '"' => in_string = !in_string,
                '/' if !in_string && rest.peek() == Some(&'/') => break,
                _ if in_string => {}
                _ => kept.push(c),
            }
        }
        kept.push('\n');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> Vec<String> {
        paths(text)
            .iter()
            .map(|path| path.segments.join("::"))
            .collect()
    }

    #[test]
    fn trees_of_use_are_opened_out() {
        let text = "use crate::{link::{Dial, state::LinkState as S}, output};\nuse super::*;";
        assert_eq!(
            seen(text),
            [
                "crate::link::Dial",
                "crate::link::state::LinkState",
                "crate::output",
                "super::*"
            ]
        );
        assert_eq!(paths(text)[1].name, "S");
        assert_eq!(paths(text)[3].line, 2);
    }

    #[test]
    fn paths_in_code_count_and_words_in_comments_and_strings_do_not() {
        let text = "fn f() { crate::link::dial(); } // crate::tools::x\nlet s = \"crate::serve::y\";\n#[russh::z]";
        assert_eq!(seen(text), ["crate::link::dial", "russh::z"]);
    }

    #[test]
    fn a_reexport_is_told_from_a_use() {
        let found =
            paths("pub use a::B;\nuse c::D;\npub(crate) use e::F;\npub fn x() {}\nuse g::H;");
        let reexports: Vec<bool> = found.iter().map(|path| path.reexport).collect();
        assert_eq!(reexports, [true, false, true, false]);
    }

    #[test]
    fn unit_tests_are_left_out() {
        assert!(seen("#[cfg(test)]\nmod tests {\n    use super::*;\n}").is_empty());
    }
}
