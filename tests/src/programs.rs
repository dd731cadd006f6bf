//! Where the programs under test and the foreign ones lie.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The bridge under test.
pub fn bridge() -> PathBuf {
    built("remote-shell-mcp")
}

/// The daemon under test.
pub fn daemon() -> PathBuf {
    built("remote-shell-mcpd")
}

/// A program of the same build as this one.
pub fn built(name: &str) -> PathBuf {
    let path = profile_folder().join(name);
    assert!(
        path.is_file(),
        "{} is not built: run `cargo xtask test`, or `cargo build --workspace --bins` first",
        path.display()
    );
    path
}

/// A foreign program that `cargo xtask test` found or fetched.
pub fn foreign(key: &str) -> PathBuf {
    fetched(key)
        .or_else(|| on_path(&key.replace('_', "-")))
        .unwrap_or_else(|| panic!("no {key} here: run `cargo xtask test`, which fetches it"))
}

/// A foreign program as a command that finds its libraries, its environment
/// empty but for PATH.
pub fn command(key: &str) -> Command {
    let mut command = Command::new(foreign(key));
    command.env_clear().env("PATH", path_variable());
    if let Some(libraries) = fetched("library_path") {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    command
}

/// What `cargo xtask test` wrote down under `key`.
pub fn fetched(key: &str) -> Option<PathBuf> {
    let list = profile_folder()
        .ancestors()
        .map(|folder| folder.join("deps/programs.json"))
        .find(|path| path.is_file())?;
    let text = std::fs::read_to_string(list).ok()?;
    let places: Value = serde_json::from_str(&text).ok()?;
    Some(PathBuf::from(places.get(key)?.as_str()?))
}

/// The PATH that every started program gets.
pub fn path_variable() -> String {
    std::env::var("PATH").unwrap_or_else(|_| "/usr/bin:/bin".into())
}

fn on_path(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&path_variable())
        .chain(["/usr/sbin", "/sbin", "/usr/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// `target/debug` or `target/release`, from where this program itself lies.
fn profile_folder() -> PathBuf {
    let own = std::env::current_exe().expect("the path of this program");
    let folder = own.parent().unwrap_or(Path::new("/"));
    if folder.ends_with("deps") {
        folder.parent().unwrap_or(folder).to_path_buf()
    } else {
        folder.to_path_buf()
    }
}
