//! What can go wrong with a link.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use schema::Code;
use storage::private_files::PrivateFileError;

use super::address::Address;
use super::auth::KeyFileError;
use super::known_hosts::{CertificateFault, Place};
use super::plan::PlanError;
use super::tunnel_target::{TunnelRefusal, TunnelTarget};

/// A failure to make or to use a link.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The spec makes no plan, in this version or at all.
    #[error("the spec cannot be followed")]
    Plan(#[source] PlanError),
    /// The name has no address.
    #[error("cannot resolve {host}")]
    Resolve {
        /// The name.
        host: String,
        /// The resolver's words.
        #[source]
        source: io::Error,
    },
    /// No TCP connection.
    #[error("cannot connect to {address}")]
    Connect {
        /// Where to.
        address: Address,
        /// The kernel's words.
        #[source]
        source: io::Error,
    },
    /// The dial took longer than its limit.
    #[error("no answer from {address} within {}", schema::GoDuration(*.limit))]
    DialTimeout {
        /// Where to.
        address: Address,
        /// The spec's `timeout`.
        limit: Duration,
    },
    /// The protocol failed before authentication.
    #[error("the SSH handshake with {address} failed")]
    Handshake {
        /// Where to.
        address: Address,
        /// russh's words.
        #[source]
        source: russh::Error,
    },
    /// The server offers only algorithms that are refused here.
    #[error("{address} offers no {kind} algorithm that is safe; it has {theirs}")]
    OldCrypto {
        /// Where to.
        address: Address,
        /// Of which kind.
        kind: String,
        /// What it offered.
        theirs: String,
    },
    /// In no known_hosts file.
    #[error("the host key of {address} is not known: {key_type} {fingerprint}")]
    HostKeyUnknown {
        /// Where to.
        address: Address,
        /// `ssh-ed25519`, say.
        key_type: String,
        /// `SHA256:...`.
        fingerprint: String,
        /// Where keys of another type for this host stand, if any do.
        others: Option<Box<Place>>,
        /// The spec's `known_hosts_path`, beside which no other file counts.
        named_file: Option<PathBuf>,
    },
    /// Shown with a certificate that is not taken, and not known without it.
    #[error("the host certificate of {address} for {key_type} {fingerprint} is refused: {fault}")]
    HostCertificate {
        /// Where to.
        address: Address,
        /// `ssh-ed25519`, say.
        key_type: String,
        /// `SHA256:...` of the key that it certifies.
        fingerprint: String,
        /// Why not.
        fault: CertificateFault,
    },
    /// Another than a known_hosts file has.
    #[error(
        "the host key of {address} changed: it is {key_type} {fingerprint} now, but {place} has another"
    )]
    HostKeyChanged {
        /// Where to.
        address: Address,
        /// How known_hosts names it.
        known_as: String,
        /// `ssh-ed25519`, say.
        key_type: String,
        /// `SHA256:...`.
        fingerprint: String,
        /// The line that has another.
        place: Box<Place>,
    },
    /// Marked `@revoked`.
    #[error("the host key of {address} is revoked by {place}")]
    HostKeyRevoked {
        /// Where to.
        address: Address,
        /// The line that revokes it.
        place: Place,
    },
    /// A known_hosts file cannot be read or written.
    #[error("cannot use {path}")]
    KnownHosts {
        /// Which.
        path: String,
        /// The kernel's words.
        #[source]
        source: io::Error,
    },
    /// Our own file of accepted host keys cannot be read or written.
    #[error("cannot remember the accepted host key")]
    AcceptedKeys(#[source] PrivateFileError),
    /// The server refused every credential there was.
    #[error("{user}@{address} refused {tried}; it accepts {accepts}")]
    AuthRefused {
        /// As whom.
        user: String,
        /// Where.
        address: Address,
        /// What was tried, in words.
        tried: String,
        /// What the server would take.
        accepts: String,
    },
    /// There is no credential to try.
    #[error("there is nothing to authenticate {user}@{address} with: {looked}")]
    NoCredential {
        /// As whom.
        user: String,
        /// Where.
        address: Address,
        /// Where credentials were looked for.
        looked: String,
    },
    /// A jump host that would not go on.
    #[error("the jump host {jump} would not connect to {target}: {why}")]
    JumpRefused {
        /// The jump host.
        jump: Address,
        /// Where it was to connect to.
        target: Address,
        /// In the protocol's words.
        why: String,
    },
    /// The server asks something that only a person can answer, for a second
    /// factor, say.
    #[error("{user}@{address} asks `{question}`, which only a person can answer")]
    AsksPerson {
        /// As whom.
        user: String,
        /// Where.
        address: Address,
        /// The server's question, made harmless.
        question: String,
    },
    /// The program that leads to the host failed before the host spoke.
    #[error("cannot reach {address} by the ProxyCommand `{program}`")]
    ProxyCommand {
        /// Where to.
        address: Address,
        /// The program.
        program: String,
        /// The system's words, or how it ended and what it said.
        #[source]
        source: io::Error,
    },
    /// A command or variable that does not fit a packet.
    #[error("{what} has {bytes} bytes, and SSH takes {max} at most")]
    TooLarge {
        /// `the command` or `the variable NAME`.
        what: String,
        /// How many it has.
        bytes: usize,
        /// How many there may be.
        max: usize,
    },
    /// A command was told to end before it was sent.
    #[error("it was told to end before it was sent")]
    Withdrawn,
    /// A password or passphrase that only the caller had is gone.
    #[error("the {what} that was given inline is not kept over a restart of the daemon")]
    SecretGone {
        /// `password` or `passphrase of ...`.
        what: String,
    },
    /// The agent that is needed has nothing to offer.
    #[error("the agent at {path} has no key")]
    EmptyAgent {
        /// The socket.
        path: String,
    },
    /// The agent that is needed does not answer.
    #[error("no agent answers at {path}")]
    NoAgent {
        /// The socket, or `(none given)`.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A private key file cannot be used.
    #[error("cannot use the key {path}")]
    KeyFile {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: KeyFileError,
    },
    /// A private key file wants a passphrase that was not given.
    #[error("the key {path} has a passphrase and none was given")]
    PassphraseNeeded {
        /// Which.
        path: String,
    },
    /// The link broke.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The server allows no more session channels on this link.
    #[error("the server allows no more than {most} commands at once on one connection")]
    NoPlace {
        /// How many it allows, as its last refusal showed.
        most: usize,
    },
    /// The server would not open a channel, though none was open.
    #[error("the server refused a channel: {0}")]
    ChannelRefused(String),
    /// The server would not connect, or could not.
    #[error("the server {why} {target}")]
    TunnelRefused {
        /// What it was to connect to.
        target: TunnelTarget,
        /// Why not, in the protocol's terms.
        why: TunnelRefusal,
    },
    /// Nothing was heard of the target in time.
    #[error("the server did not reach {target} within {:.0} s", .limit.as_secs_f64())]
    TunnelTimeout {
        /// What it was to connect to.
        target: TunnelTarget,
        /// How long that may take.
        limit: Duration,
    },
    /// The server would not listen.
    #[error("the server refused to listen on {address} port {port}")]
    ListenRefused {
        /// The address on its side.
        address: String,
        /// The port.
        port: u16,
    },
    /// The server would not start the command.
    #[error("the server refused to run the command")]
    ExecRefused,
    /// The server would allocate no terminal.
    #[error("the server refused to allocate a terminal")]
    PtyRefused,
    /// A durable job was not started.
    #[error("the host would not start the durable job: {why}")]
    DurableRefused {
        /// In the host's words, or ours.
        why: String,
    },
    /// A durable shell was not opened.
    #[error("the host would not open the durable shell: {why}")]
    HeldRefused {
        /// In the host's words, or ours.
        why: String,
    },
    /// What is to be ended runs on another host that shares the home.
    #[error("it runs on {node}, which shares this home")]
    Elsewhere {
        /// That host's own name.
        node: String,
    },
    /// Something else than a POSIX shell answered.
    #[error("the host's shell did not run our script; what came was: {came}")]
    NoPosixShell {
        /// A printable bit of it.
        came: String,
    },
}

impl LinkError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::HostKeyUnknown { .. } | Self::HostCertificate { .. } => Code::HostKeyUnknown,
            Self::HostKeyChanged { .. } | Self::HostKeyRevoked { .. } => Code::HostKeyChanged,
            Self::AuthRefused { .. }
            | Self::NoCredential { .. }
            | Self::KeyFile {
                source: KeyFileError::PassphraseWrong,
                ..
            } => Code::AuthFailed,
            Self::SecretGone { .. } | Self::PassphraseNeeded { .. } | Self::AsksPerson { .. } => {
                Code::NeedsAuth
            }
            Self::Withdrawn => Code::Cancelled,
            Self::TooLarge { .. } => Code::TooLarge,
            Self::NoAgent { .. }
            | Self::EmptyAgent { .. }
            | Self::KnownHosts { .. }
            | Self::AcceptedKeys(_) => Code::Unavailable,
            Self::KeyFile { .. } | Self::Plan(_) => Code::InvalidArgument,
            Self::DialTimeout { .. } | Self::TunnelTimeout { .. } => Code::Timeout,
            Self::ExecRefused
            | Self::PtyRefused
            | Self::ChannelRefused(_)
            | Self::TunnelRefused { .. }
            | Self::ListenRefused { .. }
            | Self::DurableRefused { .. }
            | Self::HeldRefused { .. }
            | Self::Elsewhere { .. }
            | Self::NoPosixShell { .. }
            | Self::OldCrypto { .. } => Code::Remote,
            Self::NoPlace { .. } => Code::Busy,
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Handshake { .. }
            | Self::JumpRefused { .. }
            | Self::ProxyCommand { .. }
            | Self::Lost(_) => Code::NotConnected,
        }
    }

    /// The next step in words; empty when the message says it all.
    pub fn next_step(&self) -> String {
        match self {
            Self::AuthRefused { .. } | Self::NoCredential { .. } => {
                "call ssh_connect with spec.auth \
                 (key_path, use_agent or password), or add the key to the host's authorized_keys; \
                 then ssh_reconnect"
                    .into()
            }
            Self::TooLarge { .. } => {
                "feed what is long by stdin: `sh -s` reads a script there".into()
            }
            Self::SecretGone { .. } | Self::PassphraseNeeded { .. } => {
                "call ssh_connect with the same id and spec, and with the secret in spec.auth; or \
                 load the key into an agent and call ssh_reconnect"
                    .into()
            }
            Self::NoAgent { .. } | Self::EmptyAgent { .. } => {
                "start the agent or load the key; the session connects by itself when a client \
                 brings an agent that answers"
                    .into()
            }
            Self::AcceptedKeys(_) => {
                "nothing was sent to the host. That must be a plain file of the \
                 daemon's user, in a folder of theirs with room: a person puts it right; or they \
                 run plain ssh once and accept the key there"
                    .into()
            }
            Self::KeyFile { path, source } => source.next_step(path),
            Self::AsksPerson { .. } => {
                "let the host accept a key for this user without that question (sshd's \
                 AuthenticationMethods), name the key in spec.auth, and call ssh_reconnect"
                    .into()
            }
            Self::ProxyCommand { .. } => "a person tries the ProxyCommand of ssh_config in a \
                 terminal; the daemon finds programs on its own PATH, so a full path is surer"
                .into(),
            Self::OldCrypto { .. } => "the host needs a newer SSH server".into(),
            Self::NoPlace { .. } => {
                "the host's MaxSessions says so; try again when a job has ended".into()
            }
            Self::DurableRefused { .. } | Self::NoPosixShell { .. } => {
                "durable takes a POSIX sh and room in ~/.local/state on the host; call it without \
                 durable, or put that right"
                    .into()
            }
            Self::HeldRefused { .. } => {
                "a person installs tmux there; without durable the shell ends with its link".into()
            }
            Self::Elsewhere { .. } => "end it over a session with that host".into(),
            Self::ChannelRefused(_) => {
                "the account may be for forwards alone; a person tries `ssh HOST true`".into()
            }
            Self::TunnelRefused {
                why: TunnelRefusal::Prohibited,
                ..
            } => "sshd's AllowTcpForwarding, AllowStreamLocalForwarding or PermitOpen may forbid \
                  it for this user"
                .into(),
            Self::ListenRefused { .. } => "another program there may have the port, or an earlier \
                 connection that sshd has not given up yet; ports below 1024 take root; sshd's \
                 AllowTcpForwarding and PermitListen may forbid it, and other addresses than \
                 127.0.0.1 take GatewayPorts clientspecified"
                .into(),
            Self::PtyRefused => {
                "sshd's PermitTTY may be no for this user; ssh_exec needs no terminal".into()
            }
            _ => self.host_key_step(),
        }
    }

    /// The same, of a host key.
    fn host_key_step(&self) -> String {
        match self {
            Self::HostKeyUnknown {
                address,
                fingerprint,
                others,
                named_file,
                ..
            } => {
                let option = named_file.as_ref().map_or_else(String::new, |path| {
                    format!(" -o 'UserKnownHostsFile=\"{}\"'", path.display())
                });
                let others = others.as_ref().map_or_else(String::new, |place| {
                    format!("{place} has a key of another type for this host, so look twice. ")
                });
                format!(
                    "{others}If that is the key you expect, call ssh_connect again with spec.host_key \
                     \"{fingerprint}\" (\"accept-new\" takes any first key); or a person runs \
                     `ssh{option}{} {}` once and accepts it there",
                    port_option(address),
                    address.host
                )
            }
            Self::HostCertificate {
                fault: CertificateFault::Signature,
                ..
            } => "nothing is sent to it: ask whoever runs the host".into(),
            Self::HostCertificate { fingerprint, .. } => format!(
                "known_hosts does not have the certified key itself either. Whoever signs the host's \
                 certificates can make a new one; if {fingerprint} is the key you expect, call \
                 ssh_connect again with spec.host_key \"{fingerprint}\""
            ),
            Self::HostKeyChanged {
                known_as, place, ..
            } => format!(
                "this is either a reinstalled host or an attack: nothing is sent to it. When a person \
                 has made sure, they run `{}` and then ssh_reconnect",
                forgetting(known_as, place)
            ),
            Self::HostKeyRevoked { .. } => "ask whoever keeps that file".into(),
            _ => String::new(),
        }
    }
}

/// The command that takes the line away.
fn forgetting(known_as: &str, place: &Place) -> String {
    if place.is_ours {
        format!("remote-shell-mcp hostkeys remove '{known_as}'")
    } else {
        format!("ssh-keygen -R '{known_as}' -f {}", place.path)
    }
}

fn port_option(address: &Address) -> String {
    if address.port == super::address::SSH_PORT {
        String::new()
    } else {
        format!(" -p {}", address.port)
    }
}
