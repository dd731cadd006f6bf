//! Our own file of accepted host keys: one line a key, with when and by whom.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::known_as::KnownAs;
use crate::link::error::LinkError;

/// The daemon is the only writer of the file; its writers take turns, so that
/// two first connects at once leave one entry (FAULTS 44).
static TURN: Mutex<()> = Mutex::new(());

/// Adds a key unless it stands there already. `note` says when and by whom.
/// Blocking; one short write.
pub(crate) fn remember(
    path: &Path,
    known_as: &KnownAs,
    key_type: &str,
    key: &str,
    note: &str,
) -> Result<(), LinkError> {
    let wanted = format!("{} {key_type} {key}", known_as.entry());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    add_line(path, &wanted, note).map_err(|source| LinkError::KnownHosts {
        path: path.display().to_string(),
        source,
    })
}

fn add_line(path: &Path, wanted: &str, note: &str) -> io::Result<()> {
    let there = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    if there.lines().any(|line| line.starts_with(wanted)) {
        return Ok(());
    }
    let note: String = note
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let broken = !there.is_empty() && !there.ends_with('\n');
    let line = format!("{}{wanted} {note}\n", if broken { "\n" } else { "" });
    let mut file = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_remembered_once_however_many_connect_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        let name = KnownAs::new(&"Web:2222".parse().unwrap(), None);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| remember(&path, &name, "ssh-ed25519", "KEY", "by a\nb").unwrap());
            }
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "[web]:2222 ssh-ed25519 KEY by a b\n");
    }
}
