//! The shape of a plan: the ways to a host, and what each takes.

use std::path::PathBuf;
use std::time::Duration;

use schema::Secret;

use crate::link::address::Address;
use crate::link::known_hosts::{KnownAs, KnownHostsFiles, Policy};
use crate::link::ssh_config::{AgentName, Local};

/// Keepalives that may go unanswered before a link is gone.
pub(crate) const KEEPALIVES_MISSED: u32 = 3;

/// What a plan takes from around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The daemon's user, their home, and their `ssh_config`.
    pub local: Local,
    /// Our own file of accepted host keys.
    pub accepted_keys: PathBuf,
    /// Whether `host_key: "accept-new"` is allowed.
    pub allow_accept_new: bool,
    /// Hosts for which `ssh_config`'s `ProxyCommand` may run: patterns.
    pub allow_proxy_command: Vec<String>,
}

/// How to reach one session's host: the ways there, tried in order.
#[derive(Debug, Clone)]
pub struct Plan {
    /// One for each address that the spec names.
    pub hops: Vec<Hop>,
}

/// One way to the host.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The remote user.
    pub user: String,
    /// Where.
    pub address: Address,
    /// How `known_hosts` names the host.
    pub known_as: KnownAs,
    /// What to authenticate with.
    pub credentials: Credentials,
    /// Where host keys are looked up.
    pub known_hosts: KnownHostsFiles,
    /// What is allowed of an unknown host.
    pub policy: Policy,
    /// For all of it, handshake and authentication included.
    pub timeout: Duration,
    /// None: never.
    pub keepalive: Option<Duration>,
    /// Written beside an accepted host key: when and by whom.
    pub note: String,
    /// Which agent the host's commands may use.
    pub(crate) forward_agent: AgentName,
    /// Directives of `ssh_config` that were not honoured, with where.
    pub ignored: Vec<String>,
    /// What lies between.
    pub through: Through,
}

/// What a host is reached through.
#[derive(Debug, Clone)]
pub enum Through {
    /// Nothing: a socket of ours.
    Nothing,
    /// A jump host.
    Jump(Box<Plan>),
    /// A program.
    Command(ProxyCommand),
}

/// A program that is the way to a host, by its stdin and stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyCommand {
    /// A full path, or a name to be found on the PATH.
    pub program: String,
    /// What it is given.
    pub arguments: Vec<String>,
    /// Where it runs: the user's home.
    pub folder: PathBuf,
}

/// What to authenticate with, in the order that `auth/` tries it.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// An explicit key file: goes first, and no other key is tried.
    pub key: Option<PathBuf>,
    /// For encrypted key files.
    pub passphrase: Option<Secret>,
    /// Keys that `ssh_config` names, private or public files; an agent that has
    /// one of them signs with it.
    pub identities: Vec<PathBuf>,
    /// Certificates that `ssh_config` names, for whichever of the keys they are.
    pub certificates: Vec<PathBuf>,
    /// Whether keys of an agent are tried.
    pub use_agent: bool,
    /// Whether an agent may sign for a key that is named by its file.
    pub agent_signs: bool,
    /// Only those that are among `identities`.
    pub identities_only: bool,
    /// An agent that comes before every other.
    pub agent_socket: Option<PathBuf>,
    /// Files that are tried when they exist.
    pub default_keys: Vec<PathBuf>,
    /// Answered to password and keyboard-interactive.
    pub password: Option<Secret>,
    /// The spec had a password or passphrase inline, and it is no longer known.
    pub secret_gone: bool,
}
