//! What the configuration means: flag, then environment, then file, then
//! default.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use schema::GoDuration;
use schema::hello::Format;
use schema::place::{Place, Surroundings, where_file};
use tracing::Level;

use super::config_file::{ConfigFile, ConfigFileError};
use super::options::{Environment, Flags};
use crate::serve::http::{Address, ListenError};

/// How long a daemon with nothing to do stays.
const IDLE_EXIT: Duration = Duration::from_mins(30);

/// The meaning of all that was typed.
#[derive(Debug, Clone)]
pub struct Config {
    /// Every path.
    pub place: Place,
    /// The user's home.
    pub home: PathBuf,
    /// Who that is: who logs in where a spec names nobody.
    pub user: String,
    /// Whether `XDG_CONFIG_HOME` decided on the place: it is then noted for
    /// bridges that are started without it.
    pub by_xdg: bool,
    /// The HTTP address that a person named.
    pub address: Option<Address>,
    /// Whether HTTP is served.
    pub http: bool,
    /// How results are written when a client says nothing.
    pub format: Format,
    /// Whether the log is JSON.
    pub log_json: bool,
    /// The log's level.
    pub log_level: Level,
    /// How long with nothing to do before it exits; `None` for never.
    pub idle_exit: Option<Duration>,
    /// What is to be told at start.
    pub warnings: Vec<String>,
    /// The file, for what other rooms read of it.
    pub file: ConfigFile,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No home and no handle.
    #[error("HOME is not set: set it, or name the files with --handle and --state")]
    NoHome,
    /// A value means nothing.
    #[error("{name} is {value:?}, and can be {expected}")]
    Value {
        /// The setting.
        name: &'static str,
        /// What was given.
        value: String,
        /// What could be.
        expected: &'static str,
    },
    /// The HTTP address is wrong.
    #[error(transparent)]
    Address(#[from] ListenError),
    /// config.toml is wrong.
    #[error(transparent)]
    File(#[from] ConfigFileError),
    /// The note of another place cannot be read.
    #[error("cannot read {0}")]
    Where(PathBuf, #[source] io::Error),
}

impl Config {
    /// Decides.
    pub fn resolve(flags: &Flags, environment: &Environment) -> Result<Self, ConfigError> {
        let surroundings = surroundings(flags, environment)?;
        let place = Place::resolve(&surroundings);
        let file = ConfigFile::read(&place.config)?;
        let first = |flag: &Option<String>, name: &str, in_file: &Option<String>| {
            let given = flag.clone().or_else(|| environment.text(name));
            given.or_else(|| in_file.clone())
        };
        let address = first(&flags.addr, "REMOTE_SHELL_MCP_ADDR", &file.addr);
        let format = first(&flags.format, "REMOTE_SHELL_MCP_FORMAT", &file.format);
        let log = first(&flags.log, "REMOTE_SHELL_MCP_LOG", &file.log);
        let level = first(
            &flags.log_level,
            "REMOTE_SHELL_MCP_LOG_LEVEL",
            &file.log_level,
        );
        let idle = first(
            &flags.idle_exit,
            "REMOTE_SHELL_MCP_IDLE_EXIT",
            &file.idle_exit,
        );
        let mut warnings = Vec::new();
        if environment.text("REMOTE_SHELL_MCP_TOKEN").is_some() {
            warnings.push(
                "REMOTE_SHELL_MCP_TOKEN is ignored: the token is new at each start".to_owned(),
            );
        }
        Ok(Self {
            by_xdg: surroundings.handle.is_none() && surroundings.xdg_config_home.is_some(),
            user: user(environment),
            home: surroundings.home,
            place,
            address: address.map(|text| text.parse()).transpose()?,
            http: !flags.no_http && file.http.unwrap_or(true),
            format: format.map_or(Ok(Format::default()), |text| format_named(&text))?,
            log_json: log.map_or(Ok(false), |text| is_json(&text))?,
            log_level: level.map_or(Ok(Level::INFO), |text| level_named(&text))?,
            idle_exit: idle.map_or(Ok(Some(IDLE_EXIT)), |text| idle_named(&text))?,
            warnings,
            file,
        })
    }
}

fn surroundings(flags: &Flags, environment: &Environment) -> Result<Surroundings, ConfigError> {
    let path = |flag: &Option<PathBuf>, name: &str| {
        let given = flag.clone().or_else(|| environment.path(name));
        given.filter(|path| !path.as_os_str().is_empty())
    };
    let handle = path(&flags.handle, "REMOTE_SHELL_MCP_HANDLE");
    let state = path(&flags.state, "REMOTE_SHELL_MCP_STATE");
    let home = environment.path("HOME");
    if home.is_none() && (handle.is_none() || state.is_none()) {
        return Err(ConfigError::NoHome);
    }
    let home = home.unwrap_or_default();
    let note = where_file(&home);
    let where_text = match std::fs::read_to_string(&note) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Err(ConfigError::Where(note, error));
        }
        Err(_absent) => None,
    };
    Ok(Surroundings {
        home,
        handle,
        xdg_config_home: environment.path("XDG_CONFIG_HOME"),
        where_text,
        state,
        lock: path(&flags.lock, "REMOTE_SHELL_MCP_LOCK"),
    })
}

/// The user's name, from the environment or else the system's own list.
fn user(environment: &Environment) -> String {
    let named = environment
        .text("USER")
        .or_else(|| environment.text("LOGNAME"));
    named.unwrap_or_else(|| {
        let uid = rustix::process::geteuid().as_raw().to_string();
        let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let mut lines = list.lines().map(|line| line.split(':'));
        let found = lines.find_map(|mut fields| {
            let name = fields.next()?;
            (fields.nth(1)? == uid).then(|| name.to_owned())
        });
        found.unwrap_or_default()
    })
}

fn wrong(name: &'static str, value: &str, expected: &'static str) -> ConfigError {
    ConfigError::Value {
        name,
        value: value.to_owned(),
        expected,
    }
}

fn format_named(text: &str) -> Result<Format, ConfigError> {
    Format::from_name(text).ok_or_else(|| wrong("format", text, "toon or json"))
}

fn is_json(text: &str) -> Result<bool, ConfigError> {
    match text {
        "json" => Ok(true),
        "text" => Ok(false),
        _ => Err(wrong("log", text, "text or json")),
    }
}

fn level_named(text: &str) -> Result<Level, ConfigError> {
    let expected = "error, warn, info, debug or trace";
    text.parse()
        .map_err(|_unknown| wrong("log_level", text, expected))
}

fn idle_named(text: &str) -> Result<Option<Duration>, ConfigError> {
    let expected = "a duration such as 30m, or 0 for never";
    let duration: GoDuration = text
        .parse()
        .map_err(|_unknown| wrong("idle_exit", text, expected))?;
    let duration = duration.0;
    Ok((!duration.is_zero()).then_some(duration))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        Environment::from_variables(pairs.iter().map(|(a, b)| ((*a).into(), (*b).into())))
    }

    #[test]
    fn a_flag_comes_before_the_environment_and_that_before_the_file() {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().to_str().unwrap();
        std::fs::create_dir_all(home.path().join(".config/remote-shell-mcp")).unwrap();
        std::fs::write(
            home.path().join(".config/remote-shell-mcp/config.toml"),
            "format = \"json\"\nidle_exit = \"1h\"\nlog = \"json\"\n",
        )
        .unwrap();
        let flags = Flags {
            idle_exit: Some("0".into()),
            ..Flags::default()
        };
        let environment = environment(&[("HOME", at), ("REMOTE_SHELL_MCP_LOG", "text")]);
        let config = Config::resolve(&flags, &environment).unwrap();
        assert_eq!(config.format, Format::Json);
        assert_eq!(config.idle_exit, None);
        assert!(!config.log_json);
        assert!(!config.by_xdg);
    }

    #[test]
    fn what_means_nothing_is_said_in_words() {
        let home = [("HOME", "/nowhere")];
        let flags = |addr: &str| Flags {
            addr: Some(addr.into()),
            ..Flags::default()
        };
        let error = Config::resolve(&flags("0.0.0.0:1"), &environment(&home)).unwrap_err();
        assert!(error.to_string().contains("loopback"));
        let error = Config::resolve(&Flags::default(), &environment(&[])).unwrap_err();
        assert!(error.to_string().contains("HOME"));
        let token = [("HOME", "/nowhere"), ("REMOTE_SHELL_MCP_TOKEN", "canary")];
        let config = Config::resolve(&Flags::default(), &environment(&token)).unwrap();
        assert!(!format!("{:?}", config.warnings).contains("canary"));
        assert_eq!(config.warnings.len(), 1);
    }
}
