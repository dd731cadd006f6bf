//! The folders and small notes of the daemon: made private, and found again by
//! the next start.

use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use schema::place::{FOLDER, where_file};

use super::config::Config;
use super::handle::replace;

/// Why a folder or note cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PlaceError {
    /// Not to be made: a read-only or missing home, say.
    #[error("cannot make the folder {0}")]
    Folder(PathBuf, #[source] io::Error),
    /// Another user could swap what lies in it.
    #[error("the folder {0} belongs to another user")]
    Foreign(PathBuf),
}

/// Makes the configuration and the data folder, 0700.
pub fn make(config: &Config) -> Result<(), PlaceError> {
    for folder in [config.place.config_folder(), config.place.data_folder()] {
        folder_of_ours(folder)?;
    }
    Ok(())
}

fn folder_of_ours(folder: &Path) -> Result<(), PlaceError> {
    let failed = |error| PlaceError::Folder(folder.to_path_buf(), error);
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    if folder.file_name().is_none_or(|name| name != FOLDER) {
        // A person named it; what we put in it is 0600 all the same.
        return Ok(());
    }
    let found = std::fs::metadata(folder).map_err(failed)?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(PlaceError::Foreign(folder.to_path_buf()));
    }
    if found.mode() & 0o077 != 0 {
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).map_err(failed)?;
    }
    Ok(())
}

/// Notes the folder for bridges that are started without `XDG_CONFIG_HOME`.
pub fn note_where(config: &Config) -> io::Result<()> {
    if !config.by_xdg {
        return Ok(());
    }
    let note = where_file(&config.home);
    if let Some(folder) = note.parent() {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let folder = config.place.config_folder().display();
    replace(&note, format!("{folder}\n").as_bytes())
}

/// The port of last time.
pub fn remembered_port(config: &Config) -> Option<u16> {
    let text = std::fs::read_to_string(port_file(config)).ok()?;
    text.trim().parse().ok()
}

/// Remembers the port for the next start.
pub fn remember_port(config: &Config, port: u16) -> io::Result<()> {
    if remembered_port(config) == Some(port) {
        return Ok(());
    }
    replace(&port_file(config), format!("{port}\n").as_bytes())
}

fn port_file(config: &Config) -> PathBuf {
    config.place.data_folder().join("http-port")
}
