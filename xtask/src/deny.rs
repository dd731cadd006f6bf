//! `cargo xtask deny`: licences, sources and bans over every dependency, from
//! `cargo metadata` alone. `deny.toml` says the same to `cargo deny`, which
//! adds the advisories and runs as well where it is installed.

use serde_json::Value;

use crate::command::{self, Outcome, cargo, find, output};

/// Licences that may be linked into a program under MIT.
const LICENCES: [&str; 13] = [
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "0BSD",
    "Unicode-3.0",
    "BSL-1.0",
    "CC0-1.0",
    "Unlicense",
];

/// Crates that are not to come in, and why.
const BANNED: [(&str, &str); 4] = [
    (
        "openssl-sys",
        "no system library may decide what cryptography we speak",
    ),
    (
        "native-tls",
        "no system library may decide what cryptography we speak",
    ),
    ("russh-keys", "stopped at a beta; russh::keys replaced it"),
    ("ssh2", "the C library; russh is behind server/src/link"),
];

const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package that the workspace's lock names.
pub(crate) fn run() -> Outcome {
    let text = output(cargo().args(["metadata", "--format-version", "1", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let findings: Vec<String> = packages.into_iter().flatten().filter_map(finding).collect();
    if !findings.is_empty() {
        return Err(findings.join("\n"));
    }
    println!(
        "deny: {} packages, nothing to say",
        packages.map_or(0, Vec::len)
    );
    if find("cargo-deny").is_some() {
        command::run(cargo().args(["deny", "--locked", "check"]))?;
    }
    Ok(())
}

/// What is wrong with one package of `cargo metadata`.
fn finding(package: &Value) -> Option<String> {
    let text = |field: &str| package.get(field).and_then(Value::as_str);
    let name = text("name").unwrap_or("?");
    // A package without a source is one of our own folders.
    let source = text("source")?;
    if source != REGISTRY {
        return Some(format!(
            "{name}: comes from {source}; only crates.io is allowed"
        ));
    }
    if let Some((_, why)) = BANNED.iter().find(|(banned, _)| *banned == name) {
        return Some(format!("{name}: banned: {why}"));
    }
    let licence = text("license").unwrap_or("");
    if allowed(licence) {
        None
    } else {
        Some(format!(
            "{name}: licence `{licence}` is not in the list of xtask/src/deny.rs; replace the crate, or decide and add it there and in deny.toml"
        ))
    }
}

/// Whether an SPDX expression can be met with [`LICENCES`] alone. Reads `OR`,
/// `AND`, one level of parentheses, and the old `/` for `OR`.
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    split_outside(&expression, " OR ")
        .iter()
        .any(|choice| split_outside(choice, " AND ").iter().all(|part| met(part)))
}

fn met(part: &str) -> bool {
    let part = part.trim();
    match part
        .strip_prefix('(')
        .and_then(|inner| inner.strip_suffix(')'))
    {
        Some(inner) => allowed(inner),
        None => LICENCES.contains(&part),
    }
}

/// Splits at `separator` where no parenthesis is open.
fn split_outside(text: &str, separator: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    for piece in text.split(separator) {
        match parts.last_mut() {
            Some(last) if last.is_empty() => last.push_str(piece),
            Some(last) if last.matches('(').count() > last.matches(')').count() => {
                last.push_str(separator);
                last.push_str(piece);
            }
            _ => parts.push(piece.to_owned()),
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_licence_passes_when_its_conditions_can_be_met() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR Apache-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception OR MIT",
        ] {
            assert!(allowed(good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND LGPL-2.1",
        ] {
            assert!(!allowed(bad), "{bad}");
        }
    }

    #[test]
    fn a_package_from_elsewhere_or_banned_is_named() {
        let git = json!({"name": "x", "source": "git+https://example.org/x", "license": "MIT"});
        assert!(finding(&git).unwrap().contains("only crates.io"));
        let banned = json!({"name": "ssh2", "source": REGISTRY, "license": "MIT"});
        assert!(finding(&banned).unwrap().contains("banned"));
        let good = json!({"name": "y", "source": REGISTRY, "license": "MIT"});
        assert_eq!(finding(&good), None);
        let ours = json!({"name": "schema", "source": null, "license": "MIT"});
        assert_eq!(finding(&ours), None);
    }
}
