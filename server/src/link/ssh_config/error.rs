//! Why an `ssh_config` file cannot be followed.

use std::io;
use std::path::PathBuf;

/// A defect of a file, which ssh(1) would refuse as well.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {}", .path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// The kernel's words.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may change it, so what it says is anybody's.
    #[error("{} may be changed by others than its owner; ssh refuses it too (chmod go-w)", .0.display())]
    Permissions(PathBuf),
    /// Files include each other without end.
    #[error("{} is included more than {max} levels deep", .path.display())]
    TooDeep {
        /// Which.
        path: PathBuf,
        /// ssh(1)'s limit.
        max: usize,
    },
    /// A line of it.
    #[error("{}:{line}: {what}", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        what: String,
    },
    /// A host is to be reached through itself.
    #[error("ProxyJump of {0} leads through {0} itself")]
    Loop(String),
    /// A text with a `%` or `${}` that means nothing here.
    #[error("{keyword} `{text}`: {what}")]
    Token {
        /// The directive.
        keyword: &'static str,
        /// Its argument.
        text: String,
        /// What is wrong with it.
        what: String,
    },
}
