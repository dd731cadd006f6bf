//! ARCHITECTURE.md names things that exist.

use super::finding::{Finding, Source};

/// Checks each backticked path that ends in `/` or `.rs`.
pub(super) fn check(page: &Source, exists: impl Fn(&str) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(page.text.lines()) {
        // Every second piece stands between backticks.
        for name in line.split('`').skip(1).step_by(2) {
            if is_own_path(name) && !exists(name.trim_end_matches('/')) {
                let message = format!("`{name}` does not exist: correct the page, or the tree");
                findings.push(Finding::new(&page.path, number, message));
            }
        }
    }
    findings
}

/// Whether the words between backticks are a path of this workspace, rather
/// than of a user's home or a system.
fn is_own_path(name: &str) -> bool {
    (name.ends_with('/') || name.to_ascii_lowercase().ends_with(".rs"))
        && !name.starts_with(['~', '/', '$', '%', '.'])
        && !name.contains([' ', '*', '<', ':', '{'])
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    #[test]
    fn a_page_names_what_is_there() {
        let page = source(
            "ARCHITECTURE.md",
            "# x\n`server/` and `gone/` and `link/dial.rs`\n`~/.ssh/`, `/mcp/`, `target`",
        );
        let found = check(&page, |path| path == "server" || path == "link/dial.rs");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(found[0].message.contains("gone/"));
    }
}
