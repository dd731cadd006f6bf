//! A real ssh-agent with its own socket.

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
        until_true("the agent's socket", SOON, || socket.exists());
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
        let output = programs::command("ssh_add")
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
