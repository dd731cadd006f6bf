//! Port forwards: what listens here or on a session's host, and the streams that it
//! carries over whatever link the session has.
//!
//! A forward follows its session's [`crate::link::Links`]: a listener here stays
//! bound while the link is down, and a listener on the host is asked for again on
//! each new link.

mod backlog;
mod budget;
mod carry;
mod dial_in;
mod error;
mod handle;
mod listen_here;
mod listen_there;
mod pieces;
mod places;
mod port_holder;
mod pump;
mod registry;
mod room;
mod socks;

pub use error::ForwardError;
pub use handle::{Forward, Stands};
pub use registry::{Forwards, OpenForward};
pub use room::{FORWARDS_MAX, ForwardRoom};
