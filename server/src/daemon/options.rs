//! What a person typed: the flags, and the environment as it was found.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Parser;

/// Flags that the Go program spelled with one dash.
const LONG_FLAGS: [&str; 9] = [
    "addr",
    "handle",
    "state",
    "lock",
    "format",
    "log",
    "log-level",
    "idle-exit",
    "no-http",
];

/// The daemon of remote-shell-mcp. It is started by the bridge; a person needs
/// it only to look at it.
#[derive(Debug, Clone, Default, Parser)]
#[command(name = "remote-shell-mcpd", version)]
pub struct Flags {
    /// HTTP address, loopback only; never another one.
    #[arg(long)]
    pub addr: Option<String>,
    /// The handle's path; socket, locks and config.toml lie beside it.
    #[arg(long)]
    pub handle: Option<PathBuf>,
    /// The state database's path.
    #[arg(long)]
    pub state: Option<PathBuf>,
    /// The daemon lock's path.
    #[arg(long)]
    pub lock: Option<PathBuf>,
    /// Default form of results: toon or json.
    #[arg(long)]
    pub format: Option<String>,
    /// Form of the log: text or json.
    #[arg(long)]
    pub log: Option<String>,
    /// Level of the log: error, warn, info, debug or trace.
    #[arg(long)]
    pub log_level: Option<String>,
    /// Exit after this long with nothing to do, such as 30m; 0 for never.
    #[arg(long)]
    pub idle_exit: Option<String>,
    /// Serve no HTTP.
    #[arg(long)]
    pub no_http: bool,
}

impl Flags {
    /// Reads a command line, the program's name first. `-addr` is `--addr`.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        Self::try_parse_from(arguments.into_iter().map(two_dashes))
    }
}

fn two_dashes(argument: OsString) -> OsString {
    let Some(text) = argument.to_str() else {
        return argument;
    };
    let Some(name) = text.strip_prefix('-').filter(|name| !name.starts_with('-')) else {
        return argument;
    };
    let known = name.split('=').next().unwrap_or_default();
    if LONG_FLAGS.contains(&known) {
        format!("-{text}").into()
    } else {
        argument
    }
}

/// The environment variables that the daemon looks at, read once by `main`.
#[derive(Debug, Clone, Default)]
pub struct Environment(HashMap<String, OsString>);

impl Environment {
    /// Keeps what the daemon knows of `variables`. Empty counts as absent.
    pub fn from_variables(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let ours = variables.into_iter().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let known = name.starts_with("REMOTE_SHELL_MCP_")
                || name == "HOME"
                || name == "USER"
                || name == "LOGNAME"
                || name == "XDG_CONFIG_HOME";
            (known && !value.is_empty()).then_some((name, value))
        });
        Self(ours.collect())
    }

    /// A variable as a path.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.0.get(name).map(PathBuf::from)
    }

    /// A variable as text.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.to_str().map(str::to_owned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Flags, clap::Error> {
        Flags::read(line.split(' ').map(OsString::from))
    }

    #[test]
    fn flags_with_one_dash_are_flags_with_two() {
        let flags = read("d -addr 127.0.0.1:1 --handle=/h -state=/s -log-level debug").unwrap();
        assert_eq!(flags.addr.as_deref(), Some("127.0.0.1:1"));
        assert_eq!(flags.handle, Some("/h".into()));
        assert_eq!(flags.state, Some("/s".into()));
        assert_eq!(flags.log_level.as_deref(), Some("debug"));
        assert!(read("d -nonsense").is_err());
    }
}
