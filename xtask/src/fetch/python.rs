//! The official Python SDK, one environment an era.

use std::path::PathBuf;

use super::apt;
use super::places::Places;
use crate::command::{deps, find, output, program};
use crate::pins::{PYTHON_MODERN, PYTHON_OLDER};

/// Makes both environments.
pub(super) fn gather() -> Result<Places, String> {
    if find("python3").is_none() {
        apt::install(&["python3", "python3-venv"])?;
    }
    Ok(vec![
        (
            "python_modern",
            environment("python-modern", PYTHON_MODERN)?,
        ),
        ("python_older", environment("python-older", PYTHON_OLDER)?),
    ])
}

/// The interpreter of an environment that has `pin`.
fn environment(name: &str, pin: &str) -> Result<PathBuf, String> {
    let folder = deps().join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("pin");
    if std::fs::read_to_string(&stamp).is_ok_and(|made| made == pin) {
        return Ok(python);
    }
    let venv = || {
        output(
            program("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
        )
    };
    venv().or_else(|_| {
        apt::install(&["python3-venv"])?;
        venv()
    })?;
    println!("fetching {pin}");
    output(program(&python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        pin,
    ]))?;
    std::fs::write(stamp, pin).map_err(|error| error.to_string())?;
    Ok(python)
}
