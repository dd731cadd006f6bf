//! Which suites there are, what each needs, and how many of its stories may
//! run at once.

use crate::command::root;
use crate::fetch::Need;

/// One line of the summary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    /// `unit`, or a file of `tests/tests`.
    pub(crate) name: String,
    /// What it cannot run without.
    pub(crate) needs: Vec<Need>,
    /// Stories at once.
    pub(crate) threads: usize,
}

/// Suites that measure or that load the machine: one story at a time.
const ALONE: [&str; 4] = ["kill_rounds", "bridges", "rehydrate", "forward_faults"];

/// Suites that need more than OpenSSH.
const MORE_NEEDS: [(&str, &[Need]); 8] = [
    ("forwards", &[Need::Services]),
    ("forward_faults", &[Need::Network]),
    ("no_shell", &[Need::Strace]),
    ("durable_shells", &[Need::Shells, Need::Network]),
    ("shell_runs", &[Need::Shells]),
    ("shell_set_ups", &[Need::Shells]),
    ("shells", &[Need::Shells]),
    ("sdk", &[Need::Python, Need::TypeScript]),
];

/// Stories at once elsewhere; most of a story is waiting.
const THREADS: usize = 4;

/// Every suite, the quick ones first.
pub(crate) fn all() -> Result<Vec<Suite>, String> {
    let mut suites = vec![
        Suite {
            name: "unit".to_owned(),
            needs: vec![Need::OpenSsh, Need::Shells],
            threads: THREADS,
        },
        Suite {
            name: "harness".to_owned(),
            needs: vec![Need::OpenSsh],
            threads: THREADS,
        },
    ];
    let folder = root().join("tests/tests");
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}", folder.display()))?
        .flatten()
        .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".rs")?.to_owned()))
        .collect();
    names.sort_by_key(|name| (ALONE.contains(&name.as_str()), name.clone()));
    suites.extend(names.into_iter().map(story));
    Ok(suites)
}

fn story(name: String) -> Suite {
    let more = MORE_NEEDS.iter().find(|(suite, _)| *suite == name);
    let mut needs = vec![Need::OpenSsh];
    needs.extend(more.into_iter().flat_map(|(_, needs)| needs.iter()));
    let threads = if ALONE.contains(&name.as_str()) {
        1
    } else {
        THREADS
    };
    Suite {
        name,
        needs,
        threads,
    }
}
