//! Persistent shells on sessions and in containers: one definition for
//! `ssh_shell_*` and `docker_shell_*`, of which only the owner's name differs.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::words::words;
use crate::id::Id;

/// The owner of an SSH shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnSession {
    /// The session.
    pub session_id: Id,
}

/// The owner of a container shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OnHost {
    /// The Docker host.
    pub host_id: Id,
}

/// What shells belong to.
pub trait Owner {
    /// The owner's id.
    fn id(&self) -> &Id;
}

impl Owner for OnSession {
    fn id(&self) -> &Id {
        &self.session_id
    }
}

impl Owner for OnHost {
    fn id(&self) -> &Id {
        &self.host_id
    }
}

/// Arguments of `ssh_shell_list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AnySession {
    /// Only of this session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Id>,
}

/// Arguments of `docker_shell_list`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct AnyHost {
    /// Only of this Docker host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<Id>,
}

/// Arguments of `ssh_shell_open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SshShellOpen {
    /// The session.
    pub session_id: Id,
    /// The shell's name on that session.
    #[schemars(extend("hint" = "your name for it"))]
    pub shell_id: Id,
    /// The terminal type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default xterm-256color"))]
    pub term: Option<String>,
    /// The terminal's height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 24"))]
    pub rows: Option<u32>,
    /// The terminal's width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 80"))]
    pub cols: Option<u32>,
    /// Instead of the login shell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "instead of the login shell"))]
    pub command: Option<String>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// Keeps it under a holder on the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "survives link and daemon (needs tmux, screen, dtach or abduco)"))]
    pub durable: Option<bool>,
}

/// Arguments of `docker_shell_open`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerShellOpen {
    /// The Docker host.
    pub host_id: Id,
    /// The shell's name on that host.
    #[schemars(extend("hint" = "your name for it"))]
    pub shell_id: Id,
    /// A name or id.
    pub container: String,
    /// What to run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default [\"/bin/sh\"]"))]
    pub cmd: Option<Vec<String>>,
    /// Variables to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<BTreeMap<String, String>>,
    /// `user[:group]` in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The folder to begin in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// The terminal's height.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u32>,
    /// The terminal's width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cols: Option<u32>,
}

/// Arguments of `*_shell_write`: of `data` and `secret` one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShellWrite<O> {
    /// Whose shell.
    #[serde(flatten)]
    pub owner: O,
    /// The shell.
    pub shell_id: Id,
    /// Typed as it is; empty when a secret is typed.
    #[serde(default)]
    #[schemars(extend("hint" = "end a line with \\n"))]
    pub data: String,
    /// A keyring name whose secret is typed in place of `data`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keyring name typed instead"))]
    pub secret: Option<String>,
}

words! {
    /// How a shell's output is shown.
    View {
        /// Without control sequences; the default to a model.
        Text = "text",
        /// As it came; the default over `/rpc`.
        Raw = "raw",
        /// What a person sees now.
        Screen = "screen",
    }
}

/// Arguments of `*_shell_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShellRead<O> {
    /// Whose shell.
    #[serde(flatten)]
    pub owner: O,
    /// The shell.
    pub shell_id: Id,
    /// How long to wait for output; unlike elsewhere 0 is not to wait.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 1000, 0 to 300000"))]
    pub timeout_ms: Option<i64>,
    /// Reads from this position, repeatably.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<u64>,
    /// How much at most; the result limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// A regex that ends the waiting when output matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "regex: return when output matches"))]
    pub until: Option<String>,
    /// Ends the waiting when nothing came for so long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "return after this silence"))]
    pub quiet_ms: Option<i64>,
    /// How it is shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub view: Option<View>,
}

/// Arguments of `*_shell_resize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShellResize<O> {
    /// Whose shell.
    #[serde(flatten)]
    pub owner: O,
    /// The shell.
    pub shell_id: Id,
    /// The terminal's height, 1 to 1000.
    pub rows: u32,
    /// The terminal's width, 1 to 1000.
    pub cols: u32,
}

/// Arguments of `*_shell_close`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShellClose<O> {
    /// Whose shell.
    #[serde(flatten)]
    pub owner: O,
    /// The shell.
    pub shell_id: Id,
}

/// Arguments of `*_shell_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShellRun<O> {
    /// Whose shell.
    #[serde(flatten)]
    pub owner: O,
    /// The shell.
    pub shell_id: Id,
    /// Typed as one line.
    pub command: String,
    /// How long to wait for its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default 30000"))]
    pub timeout_ms: Option<i64>,
}

words! {
    /// Who types into a shell.
    Keyboard {
        /// Callers of the tools.
        Model = "model",
        /// A person who attached.
        Person = "person",
    }
}

/// One shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellInfo {
    /// The shell's name.
    pub id: String,
    /// Its session; empty for a container shell.
    pub session_id: String,
    /// Its Docker host; empty for an SSH shell.
    pub host_id: String,
    /// Its container; empty for an SSH shell.
    pub container: String,
    /// When it was opened.
    pub opened_at: String,
    /// Output that no read without a cursor has taken.
    pub buffered_bytes: u64,
    /// It ended, or its owner is gone.
    pub closed: bool,
    /// The terminal's height.
    pub rows: u32,
    /// The terminal's width.
    pub cols: u32,
    /// The position behind its last output.
    pub cursor: u64,
    /// 0 also while it lives: see `closed`.
    pub exit_code: i32,
    /// It lives under a holder on the host.
    pub durable: bool,
    /// The holder and its name there; empty for none.
    pub holder: String,
    /// Why it was lost; empty when it was not.
    pub lost_reason: String,
    /// Who types.
    pub keyboard: Keyboard,
}

/// Result of `*_shell_write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellWritten {
    /// All of what was given.
    pub bytes_written: u64,
}

/// Result of `*_shell_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellOutput {
    /// What came, in the view asked for.
    pub data: String,
    /// It ended and all was read.
    pub eof: bool,
    /// Where the next read goes on.
    pub cursor: u64,
    /// Output asked for that is no longer kept.
    pub lost_bytes: u64,
    /// Absent while it lives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
}

words! {
    /// How far a line typed by `*_shell_run` came.
    RunState {
        /// It ended.
        Done = "done",
        /// It goes on; `*_shell_read` has the rest.
        Running = "running",
        /// It seems to ask for something.
        WaitingForInput = "waiting_for_input",
    }
}

/// Result of `*_shell_run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShellRan {
    /// How far it came.
    pub state: RunState,
    /// What it wrote, without the echo of the line.
    pub output: String,
    /// Absent unless done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// The shell's folder afterwards; empty unless done.
    pub cwd: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_one_of_the_arguments_and_keeps_its_name() {
        let close = r#"{"host_id":"h","shell_id":"s"}"#;
        let read: ShellClose<OnHost> = serde_json::from_str(close).unwrap();
        assert_eq!(read.owner.id().as_str(), "h");
        assert_eq!(serde_json::to_string(&read).unwrap(), close);
        assert!(serde_json::from_str::<ShellClose<OnSession>>(close).is_err());
    }
}
