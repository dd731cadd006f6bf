//! Hello: one JSON line each way on the local socket, the daemon's first.
//!
//! Frozen for ever: fields are added, never changed or taken away, and unknown
//! ones are ignored, so that every bridge can talk to every daemon at least
//! this far. After a daemon's [`DaemonHello`] and a bridge's [`BridgeHello`]
//! the daemon either serves, or writes one [`Refusal`] and closes.

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::secret::Secret;

/// The wire versions this build speaks after the hello.
pub const WIRE: WireRange = WireRange { min: 1, max: 1 };

/// The first and the last wire version that a side speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WireRange {
    /// The oldest.
    pub min: u32,
    /// The newest.
    pub max: u32,
}

impl WireRange {
    /// The newest version that both speak.
    pub fn common(self, other: Self) -> Option<u32> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// What the daemon says first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaemonHello {
    /// Wire versions it speaks.
    pub wire: WireRange,
    /// Its version.
    pub version: String,
    /// The random name of this run; the handle with the same one has the token.
    pub instance: String,
    /// Its process id.
    #[serde(default)]
    pub pid: u32,
    /// Whether it serves.
    pub state: DaemonState,
    /// Why it does not serve, in words; empty when ready.
    #[serde(default)]
    pub reason: String,
}

/// Whether a daemon serves tools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DaemonState {
    /// It serves everything.
    Ready,
    /// It changes its database to a newer form; control is served.
    Migrating,
    /// It must not touch its database (a newer one, say); control is served.
    Refusing,
    /// A state of a newer daemon that this build does not know.
    #[serde(other)]
    Unknown,
}

/// What the bridge answers.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct BridgeHello {
    /// Wire versions it speaks.
    pub wire: WireRange,
    /// Its version.
    pub version: String,
    /// The token of the handle whose `instance` is the daemon's.
    pub token: Secret,
    /// What the connection is for.
    pub purpose: Purpose,
    /// The client's surroundings; absent in a control connection.
    #[serde(default)]
    pub client: ClientContext,
}

/// The bridge's hello as it is written: the one place where it carries the
/// token in the clear.
#[derive(Debug, Serialize)]
struct WrittenBridgeHello<'a> {
    wire: WireRange,
    version: &'a str,
    token: &'a str,
    purpose: Purpose,
    client: &'a ClientContext,
}

impl BridgeHello {
    /// The line to send, without its newline.
    pub fn to_line(&self) -> String {
        let written = WrittenBridgeHello {
            wire: self.wire,
            version: &self.version,
            token: self.token.expose(),
            purpose: self.purpose,
            client: &self.client,
        };
        // Strings and numbers always serialise.
        serde_json::to_string(&written).unwrap_or_default()
    }
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Newline-delimited JSON-RPC of MCP.
    Mcp,
    /// JSON-RPC of [`crate::control`].
    Control,
    /// A person's terminal on a living shell.
    Attach,
}

/// The surroundings of the client that a bridge serves: relative paths,
/// agents and Docker hosts are the caller's, not the daemon's (FAULTS 43).
/// Every field may be empty.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ClientContext {
    /// How results are written; the daemon's default when absent.
    pub format: Option<Format>,
    /// Names of toolsets; all when empty.
    pub toolsets: Vec<String>,
    /// The client's working folder, absolute.
    pub cwd: String,
    /// The client's SSH agent socket.
    pub ssh_auth_sock: String,
    /// The client's `DOCKER_HOST`.
    pub docker_host: String,
    /// The client's Docker context.
    pub docker_context: String,
}

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Token-Oriented Object Notation.
    #[default]
    Toon,
    /// JSON.
    Json,
}

impl Format {
    /// The format of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "toon" => Some(Self::Toon),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// What the daemon writes instead of serving, before it closes: a wrong token,
/// no common wire version, a purpose it cannot serve in its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why, and the next step.
    pub refused: Fault,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_sides_speak_the_newest_version_that_both_know() {
        let range = |min, max| WireRange { min, max };
        assert_eq!(range(1, 3).common(range(2, 5)), Some(3));
        assert_eq!(range(4, 5).common(range(1, 4)), Some(4));
        assert_eq!(range(1, 2).common(range(3, 4)), None);
    }

    #[test]
    fn a_newer_sides_fields_and_states_are_borne() {
        let line = r#"{"wire":{"min":1,"max":9},"version":"9","instance":"i","pid":3,
            "state":"dreaming","mood":"fine"}"#;
        let hello: DaemonHello = serde_json::from_str(line).unwrap();
        assert_eq!(hello.state, DaemonState::Unknown);
        assert_eq!(WIRE.common(hello.wire), Some(1));
    }

    #[test]
    fn a_bridges_hello_carries_its_token_and_its_debug_does_not() {
        let hello = BridgeHello {
            wire: WIRE,
            version: "1".into(),
            token: Secret::new("c0ffee".into()),
            purpose: Purpose::Mcp,
            client: ClientContext {
                cwd: "/srv".into(),
                ..ClientContext::default()
            },
        };
        assert_eq!(
            serde_json::from_str::<BridgeHello>(&hello.to_line()).unwrap(),
            hello
        );
        assert!(!format!("{hello:?}").contains("c0ffee"));
    }
}
