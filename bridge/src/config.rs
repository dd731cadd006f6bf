//! What the flags and the environment mean: flag before environment before
//! default. The one place where the environment is read.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use schema::hello::{ClientContext, Format};
use schema::place::{self, Place, Surroundings};
use serde::Deserialize;

use crate::args::Flags;

/// The daemon's file name, beside the bridge's.
const DAEMON: &str = "remote-shell-mcpd";

/// Docker's own file is small; another is not read.
const DOCKER_CONFIG_MAX_BYTES: u64 = 1 << 20;

/// Everything that was decided at the start.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The paths that bridge and daemon agree on.
    pub(crate) place: Place,
    /// Whether a daemon may be started at all.
    pub(crate) may_spawn: bool,
    /// The daemon's binary, and the bridge's own.
    pub(crate) daemon_binary: PathBuf,
    pub(crate) own_binary: PathBuf,
    /// Flags that a daemon gets, as they must be said to it.
    pub(crate) daemon_flags: Vec<OsString>,
    /// The client's surroundings, for the hello.
    pub(crate) client: ClientContext,
    /// What a person should know, for stderr.
    pub(crate) warnings: Vec<String>,
}

impl Config {
    /// Reads the environment and decides.
    pub(crate) fn load(flags: &Flags) -> Result<Self, String> {
        let own_binary =
            std::env::current_exe().map_err(|e| format!("cannot find this program: {e}"))?;
        let home = home().ok_or("no home: set HOME")?;
        Self::decide(
            flags,
            &Environment { get: variable },
            &home,
            &cwd(),
            &own_binary,
        )
    }

    fn decide(
        flags: &Flags,
        environment: &Environment,
        home: &Path,
        cwd: &Path,
        own_binary: &Path,
    ) -> Result<Self, String> {
        let path = |flag: &Option<String>, name| -> Option<PathBuf> {
            let said = flag.clone().map(OsString::from);
            let said = said
                .filter(|path| !path.is_empty())
                .or_else(|| environment.read(name))?;
            Some(cwd.join(said))
        };
        let handle = path(&flags.handle, "REMOTE_SHELL_MCP_HANDLE");
        let state = path(&flags.state, "REMOTE_SHELL_MCP_STATE");
        let lock = path(&flags.lock, "REMOTE_SHELL_MCP_LOCK");
        let place = Place::resolve(&Surroundings {
            home: home.to_path_buf(),
            handle: handle.clone(),
            xdg_config_home: environment.read("XDG_CONFIG_HOME").map(PathBuf::from),
            where_text: std::fs::read_to_string(place::where_file(home)).ok(),
            state: state.clone(),
            lock: lock.clone(),
        });
        let mut daemon_flags = Vec::new();
        // Paths are said in full: the daemon's working folder is `/`.
        for (name, value) in [("--handle", handle), ("--state", state), ("--lock", lock)] {
            daemon_flags.extend(
                value
                    .map(|path| [name.into(), path.into()])
                    .into_iter()
                    .flatten(),
            );
        }
        for (name, value) in [("--addr", &flags.addr), ("--log", &flags.log)] {
            let said = value.as_ref().map(|text| [name.into(), text.into()]);
            daemon_flags.extend(said.into_iter().flatten());
        }
        let mut warnings = Vec::new();
        if environment.read("REMOTE_SHELL_MCP_TOKEN").is_some() {
            warnings.push("REMOTE_SHELL_MCP_TOKEN is ignored: each daemon makes its own".into());
        }
        Ok(Self {
            place,
            may_spawn: !flags.no_spawn,
            daemon_binary: path(&flags.daemon_binary, "REMOTE_SHELL_MCP_DAEMON")
                .unwrap_or_else(|| own_binary.with_file_name(DAEMON)),
            own_binary: own_binary.to_path_buf(),
            daemon_flags,
            client: client(flags, environment, home, cwd)?,
            warnings,
        })
    }
}

fn client(
    flags: &Flags,
    environment: &Environment,
    home: &Path,
    cwd: &Path,
) -> Result<ClientContext, String> {
    let said = flags
        .format
        .clone()
        .or_else(|| environment.text("REMOTE_SHELL_MCP_FORMAT"));
    let format = match said.filter(|name| !name.is_empty()) {
        Some(name) => Some(
            Format::from_name(&name)
                .ok_or_else(|| format!("format is toon or json, not {name}"))?,
        ),
        None => None,
    };
    let toolsets = flags.toolsets.as_deref().unwrap_or_default();
    let docker_host = environment.text("DOCKER_HOST").unwrap_or_default();
    Ok(ClientContext {
        format,
        toolsets: words(toolsets),
        cwd: cwd.to_string_lossy().into_owned(),
        ssh_auth_sock: environment.text("SSH_AUTH_SOCK").unwrap_or_default(),
        docker_context: docker_context(environment, home).unwrap_or_default(),
        docker_host,
    })
}

fn words(list: &str) -> Vec<String> {
    let words = list
        .split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// The Docker context that `docker` itself would use.
fn docker_context(environment: &Environment, home: &Path) -> Option<String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct DockerConfig {
        current_context: String,
    }
    if let Some(context) = environment.text("DOCKER_CONTEXT") {
        return Some(context);
    }
    let folder = environment
        .read("DOCKER_CONFIG")
        .map_or_else(|| home.join(".docker"), PathBuf::from);
    let file = folder.join("config.json");
    if std::fs::metadata(&file).ok()?.len() > DOCKER_CONFIG_MAX_BYTES {
        return None;
    }
    let text = std::fs::read_to_string(&file).ok()?;
    Some(
        serde_json::from_str::<DockerConfig>(&text)
            .ok()?
            .current_context,
    )
}

/// The environment, or a table in a test. Empty counts as absent.
struct Environment {
    get: fn(&str) -> Option<OsString>,
}

impl Environment {
    fn read(&self, name: &str) -> Option<OsString> {
        (self.get)(name).filter(|value| value != OsStr::new(""))
    }

    fn text(&self, name: &str) -> Option<String> {
        self.read(name)?.into_string().ok()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the environment"
)]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the home"
)]
fn home() -> Option<PathBuf> {
    std::env::home_dir().filter(|home| home.is_absolute())
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place that reads the working folder"
)]
fn cwd() -> PathBuf {
    // A folder that was removed under the client is no reason not to serve.
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(flags: &Flags, get: fn(&str) -> Option<OsString>) -> Result<Config, String> {
        let home = Path::new("/nonexistent/ann");
        Config::decide(
            flags,
            &Environment { get },
            home,
            Path::new("/srv"),
            Path::new("/opt/bin/b"),
        )
    }

    #[test]
    fn with_nothing_said_the_daemon_is_the_neighbour_and_gets_no_flags() {
        let config = decided(&Flags::default(), |_| None).unwrap();
        assert_eq!(
            config.daemon_binary,
            Path::new("/opt/bin/remote-shell-mcpd")
        );
        assert!(config.daemon_flags.is_empty() && config.may_spawn && config.warnings.is_empty());
        assert_eq!(config.client.cwd, "/srv");
        assert_eq!(config.client.format, None);
    }

    #[test]
    fn a_flag_goes_before_the_environment_and_relative_paths_are_the_clients() {
        let flags = Flags {
            handle: Some("x/h.json".into()),
            toolsets: Some("core, ssh".into()),
            ..Flags::default()
        };
        let config = decided(&flags, |name| match name {
            "REMOTE_SHELL_MCP_HANDLE" => Some("/env/h.json".into()),
            "REMOTE_SHELL_MCP_LOCK" => Some("l".into()),
            "REMOTE_SHELL_MCP_FORMAT" => Some("JSON".into()),
            "REMOTE_SHELL_MCP_TOKEN" => Some("t".into()),
            "DOCKER_CONTEXT" => Some("far".into()),
            _ => None,
        })
        .unwrap();
        assert_eq!(config.place.handle, Path::new("/srv/x/h.json"));
        assert_eq!(
            config.daemon_flags,
            ["--handle", "/srv/x/h.json", "--lock", "/srv/l"]
        );
        assert_eq!(config.client.format, Some(Format::Json));
        assert_eq!(config.client.toolsets, ["core", "ssh"]);
        assert_eq!(config.client.docker_context, "far");
        assert_eq!(config.warnings.len(), 1);
    }

    #[test]
    fn an_unknown_format_is_refused() {
        let flags = Flags {
            format: Some("xml".into()),
            ..Flags::default()
        };
        assert!(decided(&flags, |_| None).unwrap_err().contains("xml"));
    }
}
