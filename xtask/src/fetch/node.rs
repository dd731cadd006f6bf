//! The official TypeScript SDK.

use super::apt;
use super::places::Places;
use crate::command::{deps, find, output, program};
use crate::pins::TYPESCRIPT;

/// Fetches the SDK into a folder whose `node_modules` the story uses.
pub(super) fn gather() -> Result<Places, String> {
    if find("node").is_none() || find("npm").is_none() {
        apt::install(&["nodejs", "npm"])?;
    }
    let node = find("node").ok_or("no node here")?;
    let folder = deps().join("node");
    let stamp = folder.join("pin");
    if !std::fs::read_to_string(&stamp).is_ok_and(|made| made == TYPESCRIPT) {
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        println!("fetching {TYPESCRIPT}");
        output(
            program("npm")
                .args([
                    "install",
                    "--silent",
                    "--no-audit",
                    "--no-fund",
                    "--no-save",
                    "--ignore-scripts",
                ])
                .arg("--prefix")
                .arg(&folder)
                .arg(TYPESCRIPT),
        )?;
        std::fs::write(stamp, TYPESCRIPT).map_err(|error| error.to_string())?;
    }
    Ok(vec![("node", node), ("node_folder", folder)])
}
