//! A foreign library lives in one folder, so that replacing it is an afternoon.

use super::finding::{Finding, Source};
use super::paths::paths;

/// A library and the only places that may name it.
const HOMES: [(&str, &[&str]); 12] = [
    (
        "russh",
        &[
            "server/src/link",
            "tests/src/bin/demo_sshd",
            "tests/src/rogue",
            "tests/src/security_key",
        ],
    ),
    ("vt100", &["server/src/shell"]),
    ("russh_sftp", &["server/src/link"]),
    ("rmcp", &["server/src/serve", "server/src/tools"]),
    ("axum", &["server/src/serve"]),
    ("hyper", &["server/src/serve/http"]),
    ("hyper_util", &["server/src/serve/http"]),
    ("bollard", &["server/src/docker"]),
    ("redb", &["storage/src"]),
    ("postcard", &["storage/src"]),
    ("keyring", &["storage/src"]),
    ("keyring_core", &["storage/src"]),
];

/// Checks one file.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    paths(&source.text)
        .iter()
        .filter_map(|used| {
            let first = used.segments.first()?;
            let (library, homes) = HOMES.iter().find(|(library, _)| library == first)?;
            let at_home = homes.iter().any(|home| source.path.starts_with(home));
            (!at_home).then(|| {
                let message = format!(
                    "`{library}` lives in {}: say there what is needed, in our own words",
                    homes.join(", ")
                );
                Finding::new(&source.path, used.line, message)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    #[test]
    fn a_library_is_named_at_home_only() {
        assert_eq!(
            check(&source("server/src/link/dial.rs", "use russh::client;")),
            []
        );
        assert_eq!(
            check(&source("server/src/sessions/a.rs", "use russh::client;")).len(),
            1
        );
        assert_eq!(
            check(&source(
                "server/src/daemon/a.rs",
                "fn f(x: axum::Router) {}"
            ))
            .len(),
            1
        );
        assert_eq!(
            check(&source("server/src/tools/a.rs", "#[rmcp::tool]\nfn f() {}")),
            []
        );
        let found = check(&source(
            "server/src/job/a.rs",
            "//! x\n\nuse redb::Database;",
        ));
        assert_eq!(found[0].line, 3);
    }
}
