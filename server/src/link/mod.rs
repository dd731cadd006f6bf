//! The link to one SSH server: dialling, trust, authentication, channels. The
//! only room that knows russh.

mod address;
mod algorithms;
mod auth;
mod client;
mod command;
mod connection;
mod dial;
mod dial_limits;
mod driver;
mod durable;
mod durable_follow;
mod durable_start;
mod error;
mod exec;
mod killing;
mod known_hosts;
mod lent_agent;
mod marker;
mod named_file;
mod open_session;
mod places;
mod plan;
mod proxy_command;
mod remote_script;
mod session_channel;
mod socket;
pub mod ssh_config;
mod stall;
mod state;
mod wildcard;

pub use address::Address;
pub use auth::AgentSockets;
pub use command::{Ended, Exec, Kill, OutputSink, Stream};
pub use connection::{Connection, Facts};
pub use dial::dial;
pub use dial_limits::DialLimits;
pub use durable::{Mark, signal_of_status};
pub use durable_follow::{Followed, Remains};
pub use durable_start::{Begun, DurableStart};
pub use error::{Disposition, LinkError};
pub use known_hosts::{
    AcceptedKeys, CertificateFault, KnownAs, KnownHostsFiles, Place, Policy, accepted_keys,
    forget_keys,
};
pub use plan::{Credentials, Hop, Plan, PlanError, ProxyCommand, Surroundings, Through};
pub use remote_script::is_variable_name;
pub use state::LinkState;
