//! `cargo xtask install`: both programs, built for release, into
//! `~/.local/bin`, each replaced in one step.

use std::path::{Path, PathBuf};

use crate::command::{self, Outcome, cargo, target};

/// The programs, bridge first.
const PROGRAMS: [&str; 2] = ["remote-shell-mcp", "remote-shell-mcpd"];

/// Builds, copies, and says how a client gets to know them.
pub(crate) fn run() -> Outcome {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .ok_or("HOME is not set")?;
    let folder = home.join(".local/bin");
    command::run(cargo().args([
        "build",
        "--release",
        "--locked",
        "--package",
        "bridge",
        "--package",
        "server",
    ]))?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for name in PROGRAMS {
        replace(&target().join("release").join(name), &folder.join(name))?;
    }
    let bridge = folder.join("remote-shell-mcp").display().to_string();
    println!("\nRegister it with a client, for example:\n");
    println!("  claude mcp add --scope user remote-shell -- {bridge}\n");
    println!("or where a client keeps JSON:\n");
    let entry =
        serde_json::json!({"mcpServers": {"remote-shell": {"command": bridge, "args": []}}});
    println!("  {entry}\n");
    if runs() {
        println!(
            "A daemon of before is running; sessions stay on it until: {bridge} daemon restart"
        );
    }
    Ok(())
}

/// Copies beside the target and renames over it, so that a program which is
/// running keeps its file and nobody sees half of one.
fn replace(from: &Path, to: &Path) -> Outcome {
    let staged = to.with_extension("new");
    let tell = |error: std::io::Error| format!("{}: {error}", to.display());
    std::fs::copy(from, &staged).map_err(tell)?;
    std::fs::rename(&staged, to).map_err(tell)?;
    println!("installed {}", to.display());
    Ok(())
}

/// Whether some daemon of this user is there, as far as its handle says.
fn runs() -> bool {
    let surroundings = schema::place::Surroundings {
        home: std::env::var_os("HOME")
            .map(PathBuf::from)
            .unwrap_or_default(),
        xdg_config_home: std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from),
        ..schema::place::Surroundings::default()
    };
    let handle = schema::place::Place::resolve(&surroundings).handle;
    std::fs::read_to_string(handle)
        .ok()
        .and_then(|text| serde_json::from_str::<schema::handle::Handle>(&text).ok())
        .is_some_and(|handle| std::os::unix::net::UnixStream::connect(handle.socket).is_ok())
}
