//! The spec of an SSH session. Field names are the Go program's.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::GoDuration;
use crate::secret::Secret;

/// How to reach and keep one SSH session. What is left out comes from
/// `ssh_config`, as `ssh` would take it, unless `disable_ssh_config`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct SshSpec {
    /// Else `ssh_config`'s, else the caller's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Tried in order: `host`, `host:port`, `[v6]:port`, or an alias.
    #[schemars(extend("hint" = "host, host:port or alias, tried in order"))]
    pub addresses: Vec<String>,
    /// Credentials; ssh_config, the agent and default keys when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Bastions, each reached through the one before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub jump_hosts: Vec<JumpHost>,
    /// Skip the host-key check.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("hint" = "no host-key check"))]
    pub insecure: bool,
    /// Instead of the user's and the system's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts_path: Option<String>,
    /// `SHA256:...` accepts this key for an unknown host, `accept-new` any.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "accept an unknown host: SHA256:... or accept-new"))]
    pub host_key: Option<String>,
    /// Per dial, `15s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "per dial: 15s"))]
    pub timeout: Option<GoDuration>,
    /// `15s`; `0s` is off; 3 missed: gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "15s; 0s is off"))]
    pub keepalive: Option<GoDuration>,
    /// Re-dial at once when dropped.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    #[schemars(extend("hint" = "re-dial at once when dropped"))]
    pub auto_reconnect: bool,
    /// Back at every daemon start until `ssh_disconnect`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub persistent: bool,
    /// Lend the calling client's agent to the host.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub forward_agent: bool,
    /// Use only what is given here.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub disable_ssh_config: bool,
}

/// Credentials. An explicit key goes first and alone; then agent, password,
/// keyboard-interactive (answered with the password).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Auth {
    /// A private key file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_path: Option<String>,
    /// Its passphrase; never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_passphrase: Option<Secret>,
    /// Try the agent's keys.
    #[serde(alias = "agent", skip_serializing_if = "Option::is_none")]
    pub use_agent: Option<bool>,
    /// Another agent than the calling client's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_socket: Option<String>,
    /// Never stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// A keyring name, used as password or passphrase.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "keyring name of password or passphrase"))]
    pub secret: Option<String>,
}

/// One bastion on the way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct JumpHost {
    /// Else `ssh_config`'s, else the caller's user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As the session's.
    pub addresses: Vec<String>,
    /// This hop's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Instead of the user's and the system's files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub known_hosts_path: Option<String>,
    /// Skip this hop's host-key check.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
    /// Per dial of this hop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<GoDuration>,
}

impl SshSpec {
    /// The top-level fields in which the two differ, for `already_exists`.
    pub fn differing_fields(&self, other: &Self) -> Vec<&'static str> {
        [
            ("user", self.user != other.user),
            ("addresses", self.addresses != other.addresses),
            ("auth", self.auth != other.auth),
            ("jump_hosts", self.jump_hosts != other.jump_hosts),
            ("insecure", self.insecure != other.insecure),
            (
                "known_hosts_path",
                self.known_hosts_path != other.known_hosts_path,
            ),
            ("host_key", self.host_key != other.host_key),
            ("timeout", self.timeout != other.timeout),
            ("keepalive", self.keepalive != other.keepalive),
            (
                "auto_reconnect",
                self.auto_reconnect != other.auto_reconnect,
            ),
            ("persistent", self.persistent != other.persistent),
            ("forward_agent", self.forward_agent != other.forward_agent),
            (
                "disable_ssh_config",
                self.disable_ssh_config != other.disable_ssh_config,
            ),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }

    /// The same without passwords and passphrases: what may be kept. The flag
    /// says whether any was taken out.
    pub fn without_secrets(&self) -> (Self, bool) {
        let mut kept = self.clone();
        let mut taken = kept.auth.as_mut().is_some_and(Auth::take_secrets);
        for hop in &mut kept.jump_hosts {
            taken |= hop.auth.as_mut().is_some_and(Auth::take_secrets);
        }
        (kept, taken)
    }
}

impl Auth {
    fn take_secrets(&mut self) -> bool {
        let password = self.password.take().is_some();
        let passphrase = self.key_passphrase.take().is_some();
        password || passphrase
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_kept_of_a_spec_has_no_secret_on_any_hop() {
        let spec: SshSpec = serde_json::from_str(
            r#"{"addresses":["web"],"auth":{"password":"p"},
                "jump_hosts":[{"addresses":["b"],"auth":{"key_passphrase":"q","key_path":"k"}}]}"#,
        )
        .unwrap();
        let (kept, taken) = spec.without_secrets();
        assert!(taken);
        assert_eq!(kept.auth, Some(Auth::default()));
        assert_eq!(
            kept.jump_hosts[0].auth.as_ref().unwrap().key_passphrase,
            None
        );
        assert_eq!(
            kept.jump_hosts[0]
                .auth
                .as_ref()
                .unwrap()
                .key_path
                .as_deref(),
            Some("k")
        );
        assert!(!kept.without_secrets().1);
    }

    #[test]
    fn the_old_spelling_of_use_agent_is_read() {
        let auth: Auth = serde_json::from_str(r#"{"agent":true}"#).unwrap();
        assert_eq!(auth.use_agent, Some(true));
    }

    #[test]
    fn two_specs_differ_by_the_names_of_their_fields() {
        let one = SshSpec {
            addresses: vec!["a".into()],
            ..SshSpec::default()
        };
        let two = SshSpec {
            addresses: vec!["b".into()],
            persistent: true,
            ..SshSpec::default()
        };
        assert_eq!(one.differing_fields(&two), ["addresses", "persistent"]);
        assert!(one.differing_fields(&one).is_empty());
    }
}
