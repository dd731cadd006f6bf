//! What outlives a session's links: it goes on over whatever link there is next,
//! also that of a session which takes the place of one of the same id.

use std::sync::Arc;

use schema::Id;

use super::session::Session;
use crate::forward::{Forward, Forwards};
use crate::job::DurableJobs;
use crate::shell::HeldShells;

/// Those that follow the links of sessions.
#[derive(Debug, Clone)]
pub struct Followers {
    /// Jobs that outlive link and daemon.
    pub durable_jobs: DurableJobs,
    /// Shells that do.
    pub held_shells: HeldShells,
    /// Port forwards.
    pub forwards: Forwards,
}

impl Followers {
    /// Has all that follow a session of this id follow `session` from here on.
    pub(super) fn attach(&self, session: &Session) {
        let (id, links) = (session.id(), session.links());
        self.durable_jobs.attach(id, &links);
        self.held_shells.attach(id, &links);
        self.forwards.attach(id, &links);
    }

    /// The session `id` ended, and no other has its place. Its forwards end with it;
    /// jobs and shells rest on their host by themselves.
    pub(super) async fn end_of(&self, id: &Id) -> Vec<Arc<Forward>> {
        self.forwards.end_of(id).await
    }
}
