//! What is there, what is missing and why, written where the harness reads it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{installed, node, python, ssh, strace};
use crate::command::deps;
use crate::pins::{NETWORK_PACKAGES, SERVICE_PACKAGES, SHELL_PACKAGES};

/// A part that a suite cannot run without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// OpenSSH's server and clients.
    OpenSsh,
    /// strace, on Linux.
    Strace,
    /// The shells that a person may have, vi, less and top.
    Shells,
    /// What makes network namespaces, on Linux.
    Network,
    /// Real services and their clients, for forwards.
    Services,
    /// The official Python SDK, both eras.
    Python,
    /// The official TypeScript SDK.
    TypeScript,
}

/// What was gathered.
#[derive(Debug, Default)]
pub(crate) struct Found {
    missing: BTreeMap<Need, String>,
}

impl Found {
    /// Why `need` is not there; none when it is.
    pub(crate) fn missing(&self, need: Need) -> Option<&str> {
        self.missing.get(&need).map(String::as_str)
    }
}

/// Looks for each of `needs`, fetches what lacks, and writes
/// `target/deps/programs.json`.
pub(crate) fn gather(needs: &[Need]) -> Result<Found, String> {
    std::fs::create_dir_all(deps()).map_err(|error| format!("{}: {error}", deps().display()))?;
    let mut found = Found::default();
    let mut places = Map::new();
    for need in needs {
        let gathered = match need {
            Need::OpenSsh => ssh::gather(),
            Need::Strace => strace::gather(),
            Need::Shells => installed::gather(&SHELL_PACKAGES),
            Need::Network => installed::gather(&NETWORK_PACKAGES),
            Need::Services => installed::gather(&SERVICE_PACKAGES),
            Need::Python => python::gather(),
            Need::TypeScript => node::gather(),
        };
        match gathered {
            Ok(paths) => places.extend(paths.into_iter().map(|(name, path)| {
                (
                    name.to_owned(),
                    Value::from(path.to_string_lossy().into_owned()),
                )
            })),
            Err(why) => {
                println!("missing {need:?}: {why}");
                found.missing.insert(*need, why);
            }
        }
    }
    let path = deps().join("programs.json");
    std::fs::write(&path, Value::Object(places).to_string())
        .map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(found)
}
