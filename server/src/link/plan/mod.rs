//! What a spec means: the plan that a dial follows.

mod credentials;
mod error;
mod hop;
mod make;
mod proxy;

pub use error::PlanError;
pub(super) use hop::KEEPALIVES_MISSED;
pub use hop::{Credentials, Hop, Plan, ProxyCommand, Surroundings, Through};
