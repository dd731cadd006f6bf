//! The shape of a file: it says what it owns, it is short, it has a name.

use super::finding::{Finding, Source};

/// A file's length at most, in lines.
const LINES_MAX: usize = 500;

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 9] = [
    "util", "utils", "helper", "helpers", "common", "manager", "misc", "imp", "stuff",
];

/// Checks one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    let first = source.text.lines().next().unwrap_or("");
    if !first.starts_with("//! ") {
        let message = "the first line must be `//! ...` and say what this file owns";
        findings.push(Finding::new(&source.path, 1, message));
    }
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        let message =
            format!("{lines} lines; at most {LINES_MAX}: give one of its ideas a file of its own");
        findings.push(Finding::new(&source.path, LINES_MAX, message));
    }
    let parts = source.path.trim_end_matches(".rs").split('/');
    if let Some(name) = parts.into_iter().find(|part| EMPTY_NAMES.contains(part)) {
        let message = format!("`{name}` says nothing: name it for the one idea it owns");
        findings.push(Finding::new(&source.path, 1, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    #[test]
    fn a_file_says_what_it_owns_in_its_first_line() {
        assert!(check(&source("a/src/socks.rs", "//! SOCKS5.\n")).is_empty());
        for bad in ["", "use x;\n//! late", "//!\n", "// no"] {
            assert_eq!(check(&source("a/src/socks.rs", bad)).len(), 1, "{bad}");
        }
    }

    #[test]
    fn a_file_is_at_most_five_hundred_lines() {
        let text = |lines: usize| format!("//! x\n{}", "x\n".repeat(lines - 1));
        assert!(check(&source("a/src/b.rs", &text(500))).is_empty());
        assert!(
            check(&source("a/src/b.rs", &text(501)))[0]
                .message
                .contains("501")
        );
    }

    #[test]
    fn a_name_says_something() {
        for bad in ["a/src/util.rs", "a/src/common/mod.rs", "a/src/imp.rs"] {
            assert_eq!(check(&source(bad, "//! x\n")).len(), 1, "{bad}");
        }
        assert!(check(&source("a/src/utility_pole.rs", "//! x\n")).is_empty());
    }
}
