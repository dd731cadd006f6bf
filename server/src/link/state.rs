//! What everything below a session sees of its link.

use std::sync::Arc;

use super::connection::Connection;

/// Whether there is a link now. Forwards and shells follow it through a
/// `watch::Receiver<LinkState>`.
#[derive(Debug, Clone, Default)]
pub enum LinkState {
    /// None; its session may be dialling.
    #[default]
    Down,
    /// This one.
    Up(Arc<Connection>),
}
