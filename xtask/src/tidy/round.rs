//! The round: reads the workspace, asks every rule, lists what they found.

use std::path::Path;

use super::finding::{Finding, Source};
use super::{circles, crates, foreign, layers, map, shape};
use crate::command::{Outcome, root};

/// Asks every rule.
pub(crate) fn run() -> Outcome {
    let root = root();
    let mut sources = Vec::new();
    for name in crates::NAMES {
        collect(&root, &root.join(name), "rs", &mut sources)?;
    }
    let mut findings: Vec<Finding> = sources.iter().flat_map(shape::check).collect();
    findings.extend(sources.iter().flat_map(foreign::check));
    for name in crates::NAMES {
        let prefix = format!("{name}/src/");
        let own: Vec<&Source> = sources
            .iter()
            .filter(|s| s.path.starts_with(&prefix))
            .collect();
        findings.extend(circles::check(&own, &prefix));
        let manifest = read(&root, &format!("{name}/Cargo.toml"))?;
        findings.extend(crates::check(name, &manifest));
    }
    findings.extend(sources.iter().flat_map(layers::check));
    if root.join("ARCHITECTURE.md").exists() {
        findings.extend(map::check(&read(&root, "ARCHITECTURE.md")?, |path| {
            root.join(path).exists()
                || sources
                    .iter()
                    .any(|s| s.path.ends_with(&format!("/{path}")))
        }));
    }
    report(sources.len(), &findings)
}

fn report(files: usize, findings: &[Finding]) -> Outcome {
    if findings.is_empty() {
        println!("tidy: {files} files, nothing to say");
        return Ok(());
    }
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    Err(lines.join("\n"))
}

fn read(root: &Path, path: &str) -> Result<Source, String> {
    let text =
        std::fs::read_to_string(root.join(path)).map_err(|error| format!("{path}: {error}"))?;
    Ok(Source {
        path: path.to_owned(),
        text,
    })
}

/// Every file with that ending below `folder`.
fn collect(root: &Path, folder: &Path, ending: &str, into: &mut Vec<Source>) -> Outcome {
    let listing =
        std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut entries: Vec<_> = listing.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            if path
                .file_name()
                .is_some_and(|name| name != "node_modules" && name != "target")
            {
                collect(root, &path, ending, into)?;
            }
        } else if path.extension().is_some_and(|e| e == ending) {
            let below = path.strip_prefix(root).unwrap_or(&path);
            into.push(read(root, &below.to_string_lossy().replace('\\', "/"))?);
        }
    }
    Ok(())
}
