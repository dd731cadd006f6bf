//! What keeps others of the machine out of the process: private files, no core
//! file, no look at its memory (SECURITY 6 and 16).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

/// Hardens the process. To be called before any thread and any file.
pub fn harden() -> Result<(), rustix::io::Errno> {
    umask(rustix::fs::Mode::from_raw_mode(0o077));
    let no_core = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, no_core)?;
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Lets the process have as many open files as its user may: each connection of a
/// forward is one.
pub fn allow_many_files() -> Result<(), rustix::io::Errno> {
    let allowed = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: allowed.maximum,
        maximum: allowed.maximum,
    };
    setrlimit(Resource::Nofile, all)
}
