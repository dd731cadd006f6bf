//! Which of our crates may know which: the arrows only go down.

use super::finding::{Finding, Source};

/// Our crates.
pub(super) const NAMES: [&str; 6] = ["schema", "storage", "server", "bridge", "tests", "xtask"];

/// What each may name in its manifest.
const MAY_KNOW: [(&str, &[&str]); 6] = [
    ("schema", &[]),
    ("storage", &["schema"]),
    ("server", &["schema", "storage"]),
    ("bridge", &["schema"]),
    ("tests", &["schema"]),
    ("xtask", &["schema"]),
];

/// What the tests of each may name besides: the harness finds the real programs
/// that ours are compared with.
const TESTS_MAY_KNOW: [(&str, &[&str]); 1] = [("server", &["tests"])];

/// Checks the manifest of the crate `name`.
pub(super) fn check(name: &str, manifest: &Source) -> Vec<Finding> {
    let allowed = MAY_KNOW
        .iter()
        .find(|(own, _)| *own == name)
        .map_or(&[][..], |(_, allowed)| allowed);
    let for_tests = TESTS_MAY_KNOW
        .iter()
        .find(|(own, _)| *own == name)
        .map_or(&[][..], |(_, allowed)| allowed);
    let (mut in_dependencies, mut in_tests) = (false, false);
    let mut findings = Vec::new();
    for (number, line) in (1..).zip(manifest.text.lines()) {
        if let Some(section) = line.trim().strip_prefix('[') {
            in_dependencies = section.contains("dependencies");
            in_tests = section.starts_with("dev-dependencies");
        }
        let key = line.split(['=', '.']).next().unwrap_or("").trim();
        let is_allowed = allowed.contains(&key) || (in_tests && for_tests.contains(&key));
        if in_dependencies && NAMES.contains(&key) && !is_allowed {
            let message = format!(
                "`{name}` may not know `{key}`; it may know: {}",
                if allowed.is_empty() {
                    "nothing of ours".to_owned()
                } else {
                    allowed.join(", ")
                }
            );
            findings.push(Finding::new(&manifest.path, number, message));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    #[test]
    fn the_bridge_knows_only_the_schema() {
        let text = "[dependencies]\nschema = { workspace = true }\nstorage.workspace = true\n";
        let found = check("bridge", &source("bridge/Cargo.toml", text));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 3);
    }

    #[test]
    fn the_stories_see_the_programs_from_outside() {
        let text =
            "[package]\nname = \"tests\"\n[dev-dependencies]\nserver = { path = \"../server\" }\n";
        assert_eq!(check("tests", &source("tests/Cargo.toml", text)).len(), 1);
        let text = "[package]\nserver = 1\n[dependencies]\nschema = { workspace = true }\n";
        assert_eq!(check("tests", &source("tests/Cargo.toml", text)), []);
    }
}
