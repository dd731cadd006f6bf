//! No two files of a crate import each other, directly or in a round.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, Source};
use super::modules::Modules;

/// Checks the files of one crate, whose paths start with `prefix`.
pub(super) fn check(sources: &[&Source], prefix: &str) -> Vec<Finding> {
    let modules = Modules::read(sources, prefix);
    let mut edges: Edges = BTreeMap::new();
    for (module, file) in modules.iter() {
        for used in file.uses.iter().filter(|used| !used.reexport) {
            if let Some(target) = modules
                .target(module, used)
                .filter(|target| target != module)
            {
                edges
                    .entry(module.clone())
                    .or_default()
                    .entry(target)
                    .or_insert(used.line);
            }
        }
    }
    let paths: BTreeMap<_, _> = modules
        .iter()
        .map(|(module, file)| (module.clone(), file.path))
        .collect();
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for start in edges.keys() {
        let Some(round) = shortest_round(&edges, start) else {
            continue;
        };
        let members: BTreeSet<_> = round.iter().cloned().collect();
        if told.insert(members) {
            let names: Vec<String> = round
                .iter()
                .chain(round.first())
                .map(|m| shown(m))
                .collect();
            let line = round
                .get(1)
                .or(round.first())
                .and_then(|next| edges.get(start)?.get(next));
            findings.push(Finding::new(
                paths.get(start).copied().unwrap_or(prefix),
                line.copied().unwrap_or(1),
                format!(
                    "import circle {}: move what both need below them, or hand it in",
                    names.join(" > ")
                ),
            ));
        }
    }
    findings
}

/// Module to the modules it names, with the line of the first naming.
type Edges = BTreeMap<Vec<String>, BTreeMap<Vec<String>, usize>>;

/// The shortest way from `start` back to itself.
fn shortest_round(edges: &Edges, start: &Vec<String>) -> Option<Vec<Vec<String>>> {
    let mut ways: Vec<Vec<Vec<String>>> = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in way
                .last()
                .and_then(|last| edges.get(last))
                .into_iter()
                .flat_map(BTreeMap::keys)
            {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push(way.iter().cloned().chain([next.clone()]).collect());
                }
            }
        }
        ways = longer;
    }
    None
}

fn shown(module: &[String]) -> String {
    if module.is_empty() {
        "the root".to_owned()
    } else {
        module.join("::")
    }
}

#[cfg(test)]
mod tests {
    use super::super::finding::source;
    use super::*;

    fn circles(files: &[(&str, &str)]) -> Vec<Finding> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| source(path, text))
            .collect();
        check(&sources.iter().collect::<Vec<_>>(), "a/src/")
    }

    #[test]
    fn two_files_that_name_each_other_are_a_circle() {
        let found = circles(&[
            ("a/src/one.rs", "//! x\nuse crate::two::T;"),
            ("a/src/two.rs", "//! x\nfn f() { crate::one::g() }"),
        ]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].path.as_str(), found[0].line), ("a/src/one.rs", 2));
        assert!(found[0].message.contains("one > two > one"));
    }

    #[test]
    fn a_round_of_three_is_found_through_super() {
        let found = circles(&[
            ("a/src/r/mod.rs", "//! x\nmod one;\nmod two;\nmod three;"),
            ("a/src/r/one.rs", "use super::two::T;"),
            ("a/src/r/two.rs", "use super::three::T;"),
            ("a/src/r/three.rs", "use super::one::T;"),
        ]);
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_name_that_a_folder_reexports_means_its_own_file() {
        let found = circles(&[
            (
                "a/src/r/mod.rs",
                "mod one;\nmod two;\npub use one::T;\npub use two::U;",
            ),
            ("a/src/r/one.rs", "use super::U;"),
            ("a/src/r/two.rs", ""),
        ]);
        assert_eq!(found, []);
        let found = circles(&[
            (
                "a/src/r/mod.rs",
                "mod one;\nmod two;\npub use one::T;\npub use two::U;",
            ),
            ("a/src/r/one.rs", "use super::U;"),
            ("a/src/r/two.rs", "use crate::r::T;"),
        ]);
        assert_eq!(found.len(), 1);
    }
}
