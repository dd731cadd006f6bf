//! The handle `daemon.json`: where the running daemon is, and the token that
//! opens it. Written by the daemon (0600, atomic), read by every bridge.

use serde::{Deserialize, Serialize};

use crate::secret::Secret;

/// The handle as it is read. Unknown fields are ignored, so that an older
/// bridge reads a newer daemon's.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Handle {
    /// The HTTP address, `127.0.0.1:7800`; empty when HTTP is off.
    #[serde(default)]
    pub addr: String,
    /// The absolute path of the local socket. Empty in a Go daemon's handle.
    #[serde(default)]
    pub socket: String,
    /// 32 random bytes in hex, new at each start of the daemon.
    pub token: Secret,
    /// The daemon's process id.
    pub pid: u32,
    /// The daemon's version.
    #[serde(default)]
    pub version: String,
    /// A random name of this run of the daemon; the hello repeats it.
    #[serde(default)]
    pub instance: String,
}

/// The handle as the daemon writes it: the one place where the token is
/// serialised.
#[derive(Debug, Serialize)]
struct Written<'a> {
    addr: &'a str,
    socket: &'a str,
    token: &'a str,
    pid: u32,
    version: &'a str,
    instance: &'a str,
}

impl Handle {
    /// The file's content, token included.
    pub fn to_file_text(&self) -> String {
        let written = Written {
            addr: &self.addr,
            socket: &self.socket,
            token: self.token.expose(),
            pid: self.pid,
            version: &self.version,
            instance: &self.instance,
        };
        // Six plain strings and a number always serialise.
        serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_reads_what_was_written_and_its_debug_hides_the_token() {
        let handle = Handle {
            addr: "127.0.0.1:7800".into(),
            socket: "/home/a/.config/remote-shell-mcp/daemon.sock".into(),
            token: Secret::new("c0ffee".into()),
            pid: 7,
            version: "1.0.0".into(),
            instance: "i".into(),
        };
        assert_eq!(
            serde_json::from_str::<Handle>(&handle.to_file_text()).unwrap(),
            handle
        );
        assert!(!format!("{handle:?}").contains("c0ffee"));
    }

    #[test]
    fn a_go_daemons_handle_has_no_socket() {
        let go = r#"{"addr":"127.0.0.1:7800","token":"t","pid":12,"started":"x"}"#;
        assert_eq!(serde_json::from_str::<Handle>(go).unwrap().socket, "");
    }
}
