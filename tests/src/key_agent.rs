//! A real ssh-agent with its own socket.

use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use crate::until::{SOON, until_true};
use crate::{Key, programs};

/// An agent that lives as long as this value.
#[derive(Debug)]
pub struct KeyAgent {
    socket: PathBuf,
    child: Child,
}

impl KeyAgent {
    /// Starts one whose socket is `socket`.
    pub fn start(socket: &Path) -> Self {
        let child = programs::command("ssh_agent")
            .arg("-D")
            .arg("-a")
            .arg(socket)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ssh-agent starts");
        until_true("the agent listens", SOON, || {
            UnixStream::connect(socket).is_ok()
        });
        Self {
            socket: socket.to_path_buf(),
            child,
        }
    }

    /// The socket's path.
    pub fn socket(&self) -> String {
        self.socket.display().to_string()
    }

    /// Hands it a key.
    pub fn add(&self, key: &Key) {
        self.add_with(key, &[]);
    }

    /// Hands it a key that it may use at `destination` alone, whose host key is
    /// in the file `known_hosts`.
    pub fn add_for(&self, key: &Key, destination: &str, known_hosts: &Path) {
        let known_hosts = known_hosts.display().to_string();
        self.add_with(key, &["-H", &known_hosts, "-h", destination]);
    }

    fn add_with(&self, key: &Key, options: &[&str]) {
        let output = programs::command("ssh_add")
            .args(options)
            .arg(&key.path)
            .env("SSH_AUTH_SOCK", &self.socket)
            .stdin(Stdio::null())
            .output()
            .expect("ssh-add starts");
        assert!(output.status.success(), "ssh-add: {output:?}");
    }
}

impl Drop for KeyAgent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
