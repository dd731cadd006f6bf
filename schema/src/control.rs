//! Control: JSON-RPC on a connection of purpose `control`, for the bridge's
//! command line. No model can reach it; it is answered also while the daemon
//! migrates or refuses.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::Fault;
use crate::hello::DaemonState;

/// One request line. `method` and `params` are [`Method`]'s.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Repeated in the answer.
    pub id: u64,
    /// What is asked for.
    #[serde(flatten)]
    pub method: Method,
}

/// What can be asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", content = "params", rename_all = "snake_case")]
pub enum Method {
    /// Who the daemon is and whether it serves; answered with [`About`].
    About,
    /// Stop in good order; answered with `{}` before the daemon drains.
    Stop {
        /// Leave the marker that keeps bridges from starting it again.
        stay_down: bool,
    },
    /// The host keys that callers accepted; answered with [`AcceptedKeys`].
    HostKeys,
    /// Take those of one host away; answered with [`AcceptedKeys`], which were
    /// there, or with `not_found`.
    ForgetHostKeys {
        /// As known_hosts names it, or `host:port`.
        name: String,
    },
    /// What of ours is on the host of a session; answered with [`Leftovers`].
    Leftovers {
        /// The session.
        session_id: String,
    },
    /// End one of them; answered with those that were ended.
    EndLeftover {
        /// The session.
        session_id: String,
        /// Its name on the host, or `all`.
        mark: String,
    },
    /// Call a tool as a client would, without the model's result limit;
    /// answered with `{text, is_error}`.
    Tool {
        /// The tool's name.
        name: String,
        /// Its arguments, an object.
        arguments: Value,
    },
}

/// One answer line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The request's.
    pub id: u64,
    /// Present when it worked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Present when it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Fault>,
}

/// The answer to [`Method::About`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The daemon's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Whether it serves.
    pub state: DaemonState,
    /// Why it does not; empty when ready.
    pub reason: String,
    /// The absolute path of its state database.
    pub state_path: String,
}

/// What durable shells and jobs left on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftovers {
    /// Shells first.
    pub rows: Vec<Leftover>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// `shell` or `job`.
    pub kind: String,
    /// Its name on the host.
    pub mark: String,
    /// `lives`, `ended`, `lost`, or `elsewhere`: on another host that shares the home.
    pub state: String,
    /// The holder of a shell; empty for none.
    pub holder: String,
    /// What it is called here.
    pub label: String,
}

/// Host keys of our own file of accepted ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedKeys {
    /// The file.
    pub path: String,
    /// In the file's order.
    pub keys: Vec<AcceptedKey>,
}

/// One accepted host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedKey {
    /// The file's line, from 1.
    pub line: usize,
    /// As the line names it: `host`, `[host]:port`, patterns, or a hash.
    pub host: String,
    /// `ssh-ed25519`, say.
    pub key_type: String,
    /// `SHA256:...`.
    pub fingerprint: String,
    /// When, RFC 3339; empty where the line does not say.
    pub accepted_at: String,
    /// For which client, or the line's comment.
    pub client: String,
    /// It counts for specs with this path alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known_hosts_path: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_flat_object() {
        let line = r#"{"jsonrpc":"2.0","id":1,"method":"stop","params":{"stay_down":true}}"#;
        let request: Request = serde_json::from_str(line).unwrap();
        assert_eq!(
            request,
            Request {
                id: 1,
                method: Method::Stop { stay_down: true }
            }
        );
        let about = Request {
            id: 2,
            method: Method::About,
        };
        assert_eq!(
            serde_json::to_string(&about).unwrap(),
            r#"{"id":2,"method":"about"}"#
        );
    }
}
