//! Whether a daemon's binary may be run: nobody else could have put it there.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use schema::{Code, Fault};

const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;

/// Groups below this are the system's: the administrators' `staff`, `admin`,
/// `wheel`. `users` (100) is everybody's.
const SYSTEM_GROUPS_END: u32 = 100;

/// The binary's real path, if its file and its folder are ours or root's.
pub(crate) fn daemon_binary(path: &Path) -> Result<PathBuf, Fault> {
    let fault = |code, why: &str| {
        Fault::new(
            code,
            format!("will not start the daemon {}: {why}", path.display()),
        )
        .next("reinstall, or name another with --daemon-binary")
    };
    let unavailable = |error: std::io::Error| fault(Code::Unavailable, &error.to_string());
    let real = path.canonicalize().map_err(unavailable)?;
    for part in [Some(real.as_path()), real.parent()].into_iter().flatten() {
        let stat = std::fs::metadata(part).map_err(unavailable)?;
        let us = rustix::process::geteuid().as_raw();
        if let Some(why) = distrust(stat.uid(), stat.gid(), stat.mode(), us) {
            return Err(fault(Code::Denied, &format!("{} {why}", part.display())));
        }
    }
    Ok(real)
}

/// Why others could have changed what has that owner, group and mode.
fn distrust(uid: u32, gid: u32, mode: u32, us: u32) -> Option<&'static str> {
    // A group of the owner's own number is the owner's private one.
    let group_is_trusted = gid == uid || gid < SYSTEM_GROUPS_END;
    if uid != us && uid != 0 {
        Some("belongs to another user")
    } else if mode & OTHERS_WRITE != 0 {
        Some("can be written by everybody")
    } else if mode & GROUP_WRITES != 0 && !group_is_trusted {
        Some("can be written by a group of other users")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_or_root_alone_can_change_is_trusted() {
        for (uid, gid, mode, trusted) in [
            (1000, 1000, 0o755, true),
            (1000, 1000, 0o775, true),
            (0, 50, 0o2775, true),
            (0, 0, 0o1777, false),
            (1000, 100, 0o775, false),
            (1001, 1001, 0o755, false),
        ] {
            assert_eq!(
                distrust(uid, gid, mode, 1000).is_none(),
                trusted,
                "{uid} {gid} {mode:o}"
            );
        }
    }
}
