//! Inside `server`, upper may name lower, never the reverse.

use super::finding::{Finding, Source};
use super::paths::paths;

/// The rooms of `server/src`, uppermost first; rooms of one floor do not name
/// each other. This is ARCHITECTURE.md's table.
const FLOORS: [&[&str]; 11] = [
    &["main"],
    &["daemon"],
    &["serve"],
    &["tools"],
    &["docker"],
    &["sessions"],
    &["forward", "files"],
    &["shell", "job"],
    &["output"],
    &["link"],
    &["clock", "words"],
];

/// Checks one file; only those of `server/src` have floors.
pub(super) fn check(source: &Source) -> Vec<Finding> {
    let Some(inner) = source.path.strip_prefix("server/src/") else {
        return Vec::new();
    };
    let room = inner
        .trim_end_matches(".rs")
        .split('/')
        .next()
        .unwrap_or("");
    if room == "lib" {
        return Vec::new();
    }
    let Some(own) = floor(room) else {
        let message = format!(
            "`{room}` is no room of ARCHITECTURE.md's table: put this into one, or decide on the room there first"
        );
        return vec![Finding::new(&source.path, 1, message)];
    };
    let depth = inner.matches('/').count() - usize::from(inner.ends_with("/mod.rs"));
    paths(&source.text)
        .iter()
        .filter_map(|used| {
            let named = named_room(&used.segments, depth)?;
            let other = floor(named)?;
            (other < own || (other == own && named != room)).then(|| {
                let message = format!(
                    "`{room}` names `{named}`, which is not below it: move what is needed down, or hand it in from above"
                );
                Finding::new(&source.path, used.line, message)
            })
        })
        .collect()
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&room))
}

/// The room that a path of a file `depth` folders deep leads into.
fn named_room(segments: &[String], depth: usize) -> Option<&str> {
    let mut rest = segments.iter().map(String::as_str);
    match rest.next()? {
        "crate" | "server" => rest.next(),
        // `super` as often as the file is deep is the crate's root.
        "super" => {
            let ups = segments.iter().take_while(|s| *s == "super").count();
            (ups > depth)
                .then(|| segments.get(ups).map(String::as_str))
                .flatten()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    #[test]
    fn a_lower_room_never_names_a_higher_one() {
        let bad = [
            ("server/src/link/dial.rs", "use crate::sessions::Session;"),
            ("server/src/output.rs", "fn f() { crate::job::g() }"),
            ("server/src/tools/mod.rs", "use crate::{link::L, serve::S};"),
            ("server/src/link/mod.rs", "use super::tools::T;"),
            (
                "server/src/link/sftp/x.rs",
                "use super::super::super::job::J;",
            ),
        ];
        for (path, text) in bad {
            let found = check(&source(path, text));
            assert_eq!(found.len(), 1, "{path}");
            assert!(found[0].message.contains("not below"), "{path}");
        }
    }

    #[test]
    fn rooms_of_one_floor_do_not_know_each_other() {
        assert_eq!(
            check(&source("server/src/forward/x.rs", "use crate::files::F;")).len(),
            1
        );
        assert_eq!(
            check(&source("server/src/shell/x.rs", "use crate::job::J;")).len(),
            1
        );
    }

    #[test]
    fn an_upper_room_may_name_a_lower_one_and_its_own() {
        let good = [
            ("server/src/main.rs", "use server::daemon::run;"),
            (
                "server/src/serve/http.rs",
                "use crate::tools::T; use crate::serve::X;",
            ),
            (
                "server/src/sessions/a.rs",
                "use crate::link::L; use super::b::B;",
            ),
            ("server/src/lib.rs", "pub mod daemon;"),
            ("storage/src/x.rs", "use crate::serve::S;"),
        ];
        for (path, text) in good {
            assert_eq!(check(&source(path, text)), [], "{path}");
        }
    }

    #[test]
    fn a_room_outside_the_table_is_told() {
        assert!(
            check(&source("server/src/cellar/a.rs", ""))[0]
                .message
                .contains("no room")
        );
    }
}
