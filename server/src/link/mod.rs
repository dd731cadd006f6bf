//! The link to one SSH server: dialling, trust, authentication, channels. The
//! only room that knows russh.

mod address;
mod algorithms;
mod auth;
mod client;
mod closing_writer;
mod command;
mod connection;
mod dial;
mod dial_limits;
mod disposition;
mod driver;
mod durable;
mod durable_follow;
mod durable_start;
mod error;
mod exec;
mod heard;
mod held;
mod held_shell;
mod killing;
mod known_hosts;
mod lent_agent;
mod links;
mod listen;
mod listeners;
mod marker;
mod named_file;
mod open_session;
mod open_tunnel;
mod places;
mod plan;
mod proxy_command;
mod pty;
mod pty_env;
mod remote_script;
mod session_channel;
mod sftp;
mod socket;
pub mod ssh_config;
mod stall;
mod state;
mod tunnel;
mod tunnel_target;
mod typing;
mod wildcard;

pub use address::Address;
pub use auth::AgentSockets;
pub use command::{Ended, Exec, Kill, OutputSink, Stream};
pub use connection::{Connection, Facts};
pub use dial::dial;
pub use dial_limits::DialLimits;
pub use disposition::Disposition;
pub use durable::{Mark, signal_of_status};
pub use durable_follow::{Followed, Remains};
pub use durable_start::{Begun, DurableStart};
pub use error::LinkError;
pub use held::{Left, LeftKind};
pub use held_shell::{HeldBegun, HeldEnd, HeldOpen, HeldSink, attach};
pub use known_hosts::{
    AcceptedKeys, CertificateFault, KnownAs, KnownHostsFiles, Place, Policy, accepted_keys,
    forget_keys,
};
pub use links::{Links, are_over, living};
pub use listen::RemoteListener;
pub use listeners::Arrival;
pub use plan::{Credentials, Hop, Plan, PlanError, ProxyCommand, Surroundings, Through};
pub use pty::Pty;
pub use remote_script::{is_variable_name, quoted};
pub use sftp::{
    Attributes, FileHandle, FileKind, Named, OnItsWay, OpenFlags, Sftp, SftpError, SftpLimits,
    StatusCode,
};
pub use state::LinkState;
pub use tunnel::{Came, Tunnel, TunnelReader, TunnelWriter};
pub use tunnel_target::{TunnelRefusal, TunnelTarget};
pub use typing::{TerminalOrder, Typed, Typing};
