//! strace, which sees what programs a daemon runs: this machine's, else
//! unpacked from the distribution's package. Linux only.

use super::apt;
use super::places::Places;
use crate::command::{deps, find};
use crate::pins::STRACE_PACKAGES;

/// Finds or unpacks it, with the folder of its libraries.
pub(super) fn gather() -> Result<Places, String> {
    if !cfg!(target_os = "linux") {
        return Ok(Places::new());
    }
    if let Some(installed) = find("strace") {
        return Ok(vec![("strace", installed)]);
    }
    let folder = deps().join("strace");
    let unpacked = folder.join("usr/bin/strace");
    if !unpacked.is_file() {
        apt::unpack(&STRACE_PACKAGES, &folder)?;
    }
    if !unpacked.is_file() {
        return Err(format!("{} is not in the package", unpacked.display()));
    }
    let mut places = vec![("strace", unpacked)];
    places.extend(apt::libraries(&folder).map(|path| ("strace_libraries", path)));
    Ok(places)
}
