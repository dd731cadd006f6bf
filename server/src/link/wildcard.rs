//! Patterns as OpenSSH writes them: `*`, `?`, and lists with negation
//! (`ssh_config(5)`, PATTERNS).

/// Whether `text` is of `pattern`: `*` any run, `?` any one, the rest itself.
/// Linear in memory, and without recursion.
pub(super) fn matches(pattern: impl AsRef<[u8]>, text: impl AsRef<[u8]>) -> bool {
    let (pattern, text) = (pattern.as_ref(), text.as_ref());
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (pattern.get(p), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((p, t));
                p += 1;
            }
            (Some(b'?'), Some(_)) => (p, t) = (p + 1, t + 1),
            (Some(want), Some(have)) if want == have => (p, t) = (p + 1, t + 1),
            (None, None) => return true,
            _ => match retry {
                Some((star, from)) if from < text.len() => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
}

/// Whether `text` is of one of `patterns`, which commas keep apart. One that
/// begins with `!` and matches wins over all others.
pub(super) fn matches_list(patterns: &str, text: &str) -> bool {
    let mut matched = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches(negated, text) => return false,
            Some(_) => {}
            None => matched |= matches(pattern, text),
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_matches_as_ssh_takes_it() {
        for (patterns, text, is_match) in [
            ("web", "web", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com,!bad.*", "bad.example.com", false),
            ("!bad.*,*.example.com", "good.example.com", true),
            ("!bad", "good", false),
            ("10.0.0.?", "10.0.0.7", true),
            ("10.0.0.?", "10.0.0.70", false),
            ("**a*b", "xxaxxb", true),
            ("*?", "", false),
            ("", "web", false),
        ] {
            assert_eq!(
                matches_list(patterns, text),
                is_match,
                "{patterns} / {text}"
            );
        }
    }
}
