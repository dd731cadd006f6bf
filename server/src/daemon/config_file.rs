//! config.toml: what a person may write in it. No tool writes it.

use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// The file's content. Every key may be absent; an unknown one is an error, so
/// that a mistyped rule is not silently without effect.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConfigFile {
    /// HTTP address, loopback only.
    pub addr: Option<String>,
    /// Whether HTTP is served at all.
    pub http: Option<bool>,
    /// Default form of results.
    pub format: Option<String>,
    /// Form of the log.
    pub log: Option<String>,
    /// Level of the log.
    pub log_level: Option<String>,
    /// How long with nothing to do before it exits; `"0"` for never.
    pub idle_exit: Option<String>,
    /// Toolsets for clients that name none.
    pub toolsets: Option<Vec<String>>,
    /// `full` or `read-only`.
    pub mode: Option<String>,
    /// What is allowed in spite of the mode.
    pub allow: Vec<Rule>,
    /// What is never allowed.
    pub deny: Vec<Rule>,
    /// Hosts, by the names they are asked for with, for which ssh_config's
    /// `ProxyCommand` may run: patterns, `!` for never.
    pub allow_proxy_command: Vec<String>,
    /// Local paths that no tool reads or writes.
    pub local_deny: Vec<LocalPath>,
    /// Whether a caller may accept any first host key by `accept-new`.
    pub allow_accept_new: Option<bool>,
    /// The limit of results to a model, in bytes.
    pub result_limit_bytes: Option<usize>,
    /// `batched` (default) or `always`.
    pub audit_sync: Option<String>,
    /// How long history keeps what.
    pub retention: Retention,
}

/// One rule; every field is a pattern with `*`, and an absent one fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The tool's name.
    pub tool: Option<String>,
    /// A host in the session's spec, or the id of a session or Docker host.
    pub host: Option<String>,
    /// The client's name.
    pub client: Option<String>,
}

/// A path on this machine, absolute or below `~`. Any other would depend on where the
/// daemon happened to be started, and be silently without effect.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "PathBuf")]
pub struct LocalPath(PathBuf);

impl LocalPath {
    /// The path itself, for a person whose home this is.
    pub fn below(&self, home: &Path) -> PathBuf {
        match self.0.strip_prefix("~") {
            Ok(rest) => home.join(rest),
            Err(_absolute) => self.0.clone(),
        }
    }
}

impl TryFrom<PathBuf> for LocalPath {
    type Error = String;

    fn try_from(path: PathBuf) -> Result<Self, String> {
        if path.is_absolute() || path.starts_with("~") {
            return Ok(Self(path));
        }
        Err(format!(
            "`{}` is neither absolute nor below ~/",
            path.display()
        ))
    }
}

/// How long history keeps what, in days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Output of commands.
    pub output_days: Option<u32>,
    /// Arguments of calls.
    pub argument_days: Option<u32>,
}

/// Why the file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigFileError {
    /// It is there and cannot be read.
    #[error("cannot read {0}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// It is not TOML, or has a key or value that means nothing.
    #[error("{0} is wrong")]
    Wrong(PathBuf, #[source] Box<toml::de::Error>),
}

impl ConfigFile {
    /// Reads the file; an absent one is an empty one.
    pub fn read(path: &Path) -> Result<Self, ConfigFileError> {
        match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text)
                .map_err(|error| ConfigFileError::Wrong(path.to_path_buf(), Box::new(error))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ConfigFileError::Unreadable(path.to_path_buf(), error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_lists_are_read_and_unknown_keys_are_named() {
        let file: ConfigFile = toml::from_str(
            "mode = \"read-only\"\nidle_exit = \"1h\"\n[[deny]]\ntool = \"docker_*\"\nhost = \"prod*\"\n[retention]\noutput_days = 3\n",
        )
        .unwrap();
        assert_eq!(file.deny[0].host.as_deref(), Some("prod*"));
        assert_eq!(file.retention.output_days, Some(3));
        let error = toml::from_str::<ConfigFile>("mdoe = \"full\"\n").unwrap_err();
        let words = error.to_string();
        assert!(words.contains("mdoe") && words.contains("mode"), "{words}");
    }

    #[test]
    fn a_denied_path_is_below_the_home_or_absolute() {
        let file: ConfigFile = toml::from_str("local_deny = [\"~/secrets\", \"/srv\"]").unwrap();
        let paths: Vec<_> = file
            .local_deny
            .iter()
            .map(|path| path.below(Path::new("/home/ann")))
            .collect();
        assert_eq!(paths, ["/home/ann/secrets", "/srv"].map(PathBuf::from));
        for odd in ["secrets", "~bob/secrets", "./x", ""] {
            let text = format!("local_deny = [{odd:?}]");
            let error = toml::from_str::<ConfigFile>(&text).unwrap_err().to_string();
            assert!(error.contains("neither absolute nor below ~/"), "{error}");
        }
    }
}
