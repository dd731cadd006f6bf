//! A disk that is soon full.

use std::path::PathBuf;

use crate::programs;

/// A file system of 4 MiB, gone when dropped. Linux, as root.
#[derive(Debug)]
pub struct SmallDisk {
    /// Where it is mounted.
    pub path: PathBuf,
}

impl SmallDisk {
    /// Mounts one at `path`, which is made. A server that runs already may be in a mount
    /// namespace of its own, and sees it once it is started again.
    pub fn at(path: PathBuf) -> Self {
        std::fs::create_dir(&path).expect("a folder to mount it at");
        let mut mount = programs::command("mount");
        mount.args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"]);
        let mounted = mount.arg(&path).status();
        assert!(mounted.is_ok_and(|mounted| mounted.success()), "no mount");
        Self { path }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let mut unmount = programs::command("umount");
        drop(unmount.arg("-l").arg(&self.path).status());
    }
}
