//! What a spec means: the plan that a dial follows.

mod credentials;
mod error;
mod hop;
mod host_keys;
mod make;
mod make_hop;
mod proxy;

pub use error::PlanError;
pub(super) use hop::KEEPALIVES_MISSED;
pub use hop::{Credentials, Hop, Plan, ProxyCommand, Surroundings, Through};
