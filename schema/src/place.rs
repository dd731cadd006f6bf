//! Where the handle, its neighbours and the data lie, whatever environment a
//! client passes on. Pure: what was found in the environment is handed in.
//!
//! Two paths would be two daemons, so nothing here follows `XDG_RUNTIME_DIR`,
//! `TMPDIR` or `XDG_DATA_HOME`, which many clients do not pass on.

use std::path::{Path, PathBuf};

/// The folder's name below a configuration or data root.
pub const FOLDER: &str = "remote-shell-mcp";

/// The environment as far as it decides on places. Empty strings count as
/// absent.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The user's home, absolute.
    pub home: PathBuf,
    /// `--handle` or `REMOTE_SHELL_MCP_HANDLE`.
    pub handle: Option<PathBuf>,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config_home: Option<PathBuf>,
    /// What the file [`where_file`] holds.
    pub where_text: Option<String>,
    /// `--state` or `REMOTE_SHELL_MCP_STATE`.
    pub state: Option<PathBuf>,
    /// `--lock` or `REMOTE_SHELL_MCP_LOCK`.
    pub lock: Option<PathBuf>,
}

/// Every path that bridge and daemon must agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// `daemon.json`.
    pub handle: PathBuf,
    /// The daemon's lock: held as long as it lives.
    pub daemon_lock: PathBuf,
    /// The lock of whoever starts a daemon.
    pub spawn_lock: PathBuf,
    /// The local socket, unless its path is too long for an address: then the
    /// daemon chooses another and the handle names it.
    pub socket: PathBuf,
    /// Left by `daemon stop`: bridges do not start the daemon while it is there.
    pub stopped_marker: PathBuf,
    /// `config.toml`, written by a person alone.
    pub config: PathBuf,
    /// Host keys that a caller accepted.
    pub known_hosts: PathBuf,
    /// `state.redb`; the audit, backups, spool and logs lie beside it.
    pub state: PathBuf,
    /// The Go program's state to import when there is no [`Place::state`] yet.
    pub go_state: Option<PathBuf>,
}

/// The file that names the folder of a daemon that was started with
/// `XDG_CONFIG_HOME`, for bridges that are started without.
pub fn where_file(home: &Path) -> PathBuf {
    home.join(".config").join(FOLDER).join("where")
}

impl Place {
    /// Decides on every path.
    pub fn resolve(surroundings: &Surroundings) -> Self {
        let handle = handle_path(surroundings);
        let folder = handle.parent().unwrap_or(Path::new("/")).to_path_buf();
        let (state, go_state) = state_paths(surroundings);
        Self {
            daemon_lock: given(surroundings.lock.as_ref())
                .unwrap_or_else(|| folder.join("daemon.lock")),
            spawn_lock: folder.join("spawn.lock"),
            socket: folder.join("daemon.sock"),
            stopped_marker: folder.join("daemon.stopped"),
            config: folder.join("config.toml"),
            known_hosts: folder.join("known_hosts"),
            handle,
            state,
            go_state,
        }
    }

    /// The folder of `state.redb`.
    pub fn data_folder(&self) -> &Path {
        self.state.parent().unwrap_or(Path::new("/"))
    }

    /// The folder of the handle and of `config.toml`.
    pub fn config_folder(&self) -> &Path {
        self.handle.parent().unwrap_or(Path::new("/"))
    }
}

fn handle_path(surroundings: &Surroundings) -> PathBuf {
    if let Some(handle) = given(surroundings.handle.as_ref()) {
        return handle;
    }
    if let Some(xdg) = given(surroundings.xdg_config_home.as_ref()).filter(|p| p.is_absolute()) {
        return xdg.join(FOLDER).join("daemon.json");
    }
    let named = surroundings
        .where_text
        .as_deref()
        .map(str::trim)
        .map(Path::new);
    if let Some(folder) = named.filter(|folder| folder.is_absolute()) {
        return folder.join("daemon.json");
    }
    surroundings
        .home
        .join(".config")
        .join(FOLDER)
        .join("daemon.json")
}

/// The state database, and the Go program's file beside it if one was named.
fn state_paths(surroundings: &Surroundings) -> (PathBuf, Option<PathBuf>) {
    match given(surroundings.state.as_ref()) {
        Some(json) if json.extension().is_some_and(|e| e == "json") => {
            (json.with_file_name("state.redb"), Some(json))
        }
        Some(state) => (state, None),
        None => (
            data_root(&surroundings.home)
                .join(FOLDER)
                .join("state.redb"),
            None,
        ),
    }
}

fn data_root(home: &Path) -> PathBuf {
    if cfg!(target_os = "macos") {
        home.join("Library").join("Application Support")
    } else {
        home.join(".local").join("share")
    }
}

fn given(path: Option<&PathBuf>) -> Option<PathBuf> {
    path.filter(|path| !path.as_os_str().is_empty()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> Surroundings {
        Surroundings {
            home: "/home/ann".into(),
            ..Surroundings::default()
        }
    }

    #[test]
    fn with_nothing_but_a_home_everything_lies_below_it() {
        let place = Place::resolve(&home());
        assert_eq!(
            place.handle,
            Path::new("/home/ann/.config/remote-shell-mcp/daemon.json")
        );
        assert_eq!(
            place.socket,
            Path::new("/home/ann/.config/remote-shell-mcp/daemon.sock")
        );
        assert!(place.state.ends_with("remote-shell-mcp/state.redb"));
        assert_eq!(place.go_state, None);
    }

    #[test]
    fn the_handle_moves_all_and_comes_before_every_other_name() {
        let place = Place::resolve(&Surroundings {
            handle: Some("/srv/x/h.json".into()),
            xdg_config_home: Some("/xdg".into()),
            where_text: Some("/where\n".into()),
            ..home()
        });
        assert_eq!(place.handle, Path::new("/srv/x/h.json"));
        assert_eq!(place.spawn_lock, Path::new("/srv/x/spawn.lock"));
    }

    #[test]
    fn a_bridge_without_xdg_config_home_finds_the_folder_that_the_daemon_named() {
        let daemon = Surroundings {
            xdg_config_home: Some("/xdg".into()),
            ..home()
        };
        let folder = Place::resolve(&daemon)
            .config_folder()
            .to_str()
            .unwrap()
            .to_owned();
        let bridge = Surroundings {
            where_text: Some(folder + "\n"),
            ..home()
        };
        assert_eq!(
            Place::resolve(&bridge).handle,
            Place::resolve(&daemon).handle
        );
    }

    #[test]
    fn empty_and_relative_names_count_as_absent() {
        let place = Place::resolve(&Surroundings {
            handle: Some("".into()),
            xdg_config_home: Some("relative".into()),
            where_text: Some("also/relative".into()),
            state: Some("".into()),
            ..home()
        });
        assert_eq!(place, Place::resolve(&home()));
    }

    #[test]
    fn a_go_programs_state_is_imported_from_beside_ours() {
        let place = Place::resolve(&Surroundings {
            state: Some("/d/state.json".into()),
            ..home()
        });
        assert_eq!(place.state, Path::new("/d/state.redb"));
        assert_eq!(place.go_state.as_deref(), Some(Path::new("/d/state.json")));
    }
}
