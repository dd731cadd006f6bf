//! Programs that are used as a person has them, with their modules and files in
//! their places: this machine's, else the distribution's, which are installed and
//! not unpacked aside.

use super::apt;
use super::places::Places;
use crate::command::find;

/// Finds or installs them; `packages` are programs, each with its package.
pub(super) fn gather(packages: &[(&str, &str)]) -> Result<Places, String> {
    let missing: Vec<&str> = packages
        .iter()
        .filter(|(program, _)| find(program).is_none())
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        apt::install(&missing)?;
    }
    Ok(Places::new())
}
