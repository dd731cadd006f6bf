//! Which host is asked about, by whom, and where the files lie.

use std::path::PathBuf;

/// A file to read; the first that sets something wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Where; a missing one is empty.
    pub path: PathBuf,
    /// The user's own, from which includes are relative to `~/.ssh`.
    pub is_user: bool,
    /// Refused when others than its owner and root may write to it.
    pub is_checked: bool,
}

/// Who asks, and where.
#[derive(Debug, Clone)]
pub struct Local {
    /// `~`
    pub home: PathBuf,
    /// The user who runs this program.
    pub user: String,
    /// Their number.
    pub uid: u32,
    /// This machine's name.
    pub host_name: String,
    /// The value of an environment variable.
    pub variable: fn(&str) -> Option<String>,
    /// In the order of reading.
    pub files: Vec<Source>,
}

/// Which host is asked about, and what is settled already.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// A name, an address or an alias.
    pub(crate) host: &'a str,
    /// Wins over the files.
    pub(crate) user: Option<&'a str>,
    /// Wins over the files.
    pub(crate) port: Option<u16>,
}

impl Local {
    /// One without files, for tests of what stands above.
    #[cfg(test)]
    pub(crate) fn bare(home: &std::path::Path) -> Self {
        Self {
            home: home.to_owned(),
            user: "ann".into(),
            uid: rustix::process::getuid().as_raw(),
            host_name: "desk".into(),
            variable: |_| None,
            files: Vec::new(),
        }
    }
}
