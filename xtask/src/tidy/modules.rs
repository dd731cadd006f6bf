//! Which file of a crate a path means, through re-exports.

use std::collections::BTreeMap;

use super::finding::Source;
use super::paths::{PathUse, paths};

/// Re-exports of re-exports are followed this far.
const DEPTH_MAX: usize = 8;

/// The files of one crate by module path, with their paths read.
#[derive(Debug)]
pub(super) struct Modules<'a> {
    files: BTreeMap<Vec<String>, File<'a>>,
}

/// One file as a module.
#[derive(Debug)]
pub(super) struct File<'a> {
    /// Its path below the root.
    pub(super) path: &'a str,
    /// What it names.
    pub(super) uses: Vec<PathUse>,
}

impl<'a> Modules<'a> {
    /// Reads the files whose path starts with `prefix` (`server/src/`).
    pub(super) fn read(sources: &[&'a Source], prefix: &str) -> Self {
        let files = sources
            .iter()
            .map(|source| {
                let file = File {
                    path: &source.path,
                    uses: paths(&source.text),
                };
                (module_path(&source.path, prefix), file)
            })
            .collect();
        Self { files }
    }

    /// Every module and its file.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Vec<String>, &File<'a>)> {
        self.files.iter()
    }

    /// The module whose file holds what `used` names in `module`; none when it
    /// is another crate's.
    pub(super) fn target(&self, module: &[String], used: &PathUse) -> Option<Vec<String>> {
        self.resolve(module, &used.segments, 0)
    }

    fn resolve(&self, module: &[String], segments: &[String], depth: usize) -> Option<Vec<String>> {
        let (first, mut rest) = segments.split_first()?;
        let mut at = match first.as_str() {
            "crate" => Vec::new(),
            "self" => module.to_vec(),
            "super" => module.split_last().map(|(_, parent)| parent.to_vec())?,
            child => {
                let path = joined(module, child);
                self.files.contains_key(&path).then_some(path)?
            }
        };
        while let Some((segment, behind)) = rest.split_first() {
            if segment == "super" {
                at.pop();
            } else if self.files.contains_key(&joined(&at, segment)) {
                at = joined(&at, segment);
            } else {
                return Some(self.through_reexport(&at, segment, depth));
            }
            rest = behind;
        }
        Some(at)
    }

    /// The file that defines `name`, which `module` has or re-exports.
    fn through_reexport(&self, module: &[String], name: &str, depth: usize) -> Vec<String> {
        let reexport = self.files.get(module).and_then(|file| {
            file.uses
                .iter()
                .find(|used| used.reexport && used.name == name)
        });
        reexport
            .filter(|_| depth < DEPTH_MAX)
            .and_then(|used| self.resolve(module, &used.segments, depth + 1))
            .unwrap_or_else(|| module.to_vec())
    }
}

fn joined(module: &[String], name: &str) -> Vec<String> {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

/// `server/src/link/dial.rs` below `server/src/` is `link::dial`; `lib.rs` and
/// `main.rs` are the root, or for a crate that has both, two roots.
fn module_path(path: &str, prefix: &str) -> Vec<String> {
    let inner = path
        .strip_prefix(prefix)
        .unwrap_or(path)
        .trim_end_matches(".rs");
    let mut parts: Vec<String> = inner.split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod") || inner == "lib" {
        parts.pop();
    }
    parts
}
