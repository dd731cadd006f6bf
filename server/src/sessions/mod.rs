//! SSH sessions: each owned by one task that dials, keeps and brings back its
//! link; everyone else has a handle.

mod agents;
mod backoff;
mod connect;
mod error;
mod followers;
mod machine;
mod more_links;
mod registry;
mod rehydrate;
mod session;
mod task;
mod view;

pub use agents::Agents;
pub use connect::{ConnectRequest, Connected};
pub use error::SessionError;
pub use followers::Followers;
pub use registry::{Around, Sessions};
pub use rehydrate::RehydrationSum;
pub use session::Session;
pub use view::{Failure, Phase, View};
