//! What the files say of one host, as written: the first value of each
//! directive wins, lists grow.

use std::time::Duration;

use super::jump::JumpHost;

/// What a `StrictHostKeyChecking` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StrictHostKeyChecking {
    /// Only known keys.
    Yes,
    /// A person is asked; here the caller is.
    Ask,
    /// A first key is taken and kept.
    AcceptNew,
    /// Any key is taken, a changed one too.
    No,
}

/// How to get there other than by TCP; the first of the two directives wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Proxy {
    /// `ProxyJump none` or `ProxyCommand none`.
    None,
    /// `ProxyJump`, nearest first.
    Jump(Vec<JumpHost>),
    /// `ProxyCommand`, tokens not expanded.
    Command(String),
}

/// The settings of one host, tokens not expanded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity_files: Vec<String>,
    pub(super) certificate_files: Vec<String>,
    pub(super) identities_only: Option<bool>,
    pub(super) identity_agent: Option<String>,
    pub(super) forward_agent: Option<bool>,
    pub(super) forward_agent_socket: Option<String>,
    pub(super) proxy: Option<Proxy>,
    /// `ProxyJump none` came first: no later `ProxyJump` counts, but a
    /// `ProxyCommand` does. So since OpenSSH 10.3, and as backported to older ones;
    /// before, it did not.
    pub(super) no_jump: bool,
    pub(super) host_key_alias: Option<String>,
    pub(super) user_known_hosts: Vec<String>,
    pub(super) global_known_hosts: Vec<String>,
    pub(super) strict_host_key_checking: Option<StrictHostKeyChecking>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) server_alive_interval: Option<Duration>,
    pub(super) canonicalizes: bool,
    /// Directives that would have counted and are not honoured, with where.
    pub(super) ignored: Vec<Ignored>,
}

impl Settings {
    /// The jump host that is next to the host itself.
    pub(super) fn last_jump(&self) -> Option<&JumpHost> {
        match &self.proxy {
            Some(Proxy::Jump(hosts)) => hosts.last(),
            Some(Proxy::None | Proxy::Command(_)) | None => None,
        }
    }
}

/// A directive that is not honoured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ignored {
    /// As it is written in the file, `ControlMaster`.
    pub(super) keyword: String,
    /// `~/.ssh/config:12`.
    pub(super) place: String,
}
