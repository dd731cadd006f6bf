//! OpenSSH's own programs, with a world's key and nothing of the machine's.

use std::ffi::OsString;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use tests::{World, programs};

/// A connection that the real ssh shares.
pub(crate) struct Master<'a> {
    world: &'a World,
    port: u16,
}

impl<'a> Master<'a> {
    /// To the world's server.
    pub(crate) fn start(world: &'a World) -> Self {
        Self::at(world, world.sshd.port())
    }

    /// To `port`, which leads there.
    pub(crate) fn at(world: &'a World, port: u16) -> Self {
        let master = Self { world, port };
        let mut ssh = master.ssh();
        ssh.args(["-o", "ControlMaster=yes", "-o", "ControlPersist=600"]);
        succeed(ssh.args(["127.0.0.1", "true"]));
        master
    }

    /// `true` over it.
    pub(crate) fn once(&self) -> Duration {
        succeed(self.ssh().args(["127.0.0.1", "true"]))
    }

    /// `command` over it, not waited for.
    pub(crate) fn begin(&self, command: &str) -> Child {
        let mut ssh = self.ssh();
        ssh.args(["127.0.0.1", command]);
        ssh.stdout(std::process::Stdio::null());
        ssh.spawn().expect("ssh starts")
    }

    fn ssh(&self) -> Command {
        let mut ssh = ssh_at(self.world, self.port);
        let path = self.world.home().join("master");
        ssh.arg("-o").arg(format!("ControlPath={}", path.display()));
        ssh
    }
}

impl Drop for Master<'_> {
    fn drop(&mut self) {
        drop(self.ssh().args(["-O", "exit", "127.0.0.1"]).output());
    }
}

/// A fresh `ssh true`.
pub(crate) fn ssh_true(world: &World) -> Duration {
    succeed(ssh(world).args(["127.0.0.1", "true"]))
}

/// ssh to the world's server.
pub(crate) fn ssh(world: &World) -> Command {
    ssh_at(world, world.sshd.port())
}

/// ssh to `port`, which leads there.
pub(crate) fn ssh_at(world: &World, port: u16) -> Command {
    let mut ssh = programs::command("ssh");
    ssh.args(options(world));
    ssh.args(["-p", &port.to_string()]);
    ssh
}

/// What ssh, sftp and scp have in common.
pub(crate) fn options(world: &World) -> Vec<OsString> {
    let known = world.home().join(".ssh/known_hosts");
    let mut options: Vec<OsString> = ["-F", "none", "-o", "BatchMode=yes", "-o"]
        .map(OsString::from)
        .into();
    options.push(format!("UserKnownHostsFile={}", known.display()).into());
    options.push("-i".into());
    options.push(world.key.path.clone().into());
    options
}

/// Runs it to its end, which must be a good one.
pub(crate) fn succeed(command: &mut Command) -> Duration {
    let start = Instant::now();
    let output = command.output().expect("it starts");
    let length = start.elapsed();
    assert!(output.status.success(), "{command:?}: {output:?}");
    length
}
