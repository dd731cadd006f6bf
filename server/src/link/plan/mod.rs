//! What a spec means: the plan that a dial follows.

mod credentials;
mod error;
mod hop;
mod make;

pub use error::PlanError;
pub(super) use hop::KEEPALIVES_MISSED;
pub use hop::{Credentials, Hop, Plan, Surroundings};
