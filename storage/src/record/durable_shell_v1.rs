//! The record of a durable shell, version 1. Never edited: its order of fields
//! is the format.

use schema::Id;
use serde::{Deserialize, Serialize};

use super::RecordError;
use super::mark::checked;
use crate::state::SavedDurableShell;

#[derive(Serialize, Deserialize)]
pub(crate) struct DurableShellV1 {
    host: String,
    mark: String,
    holder: String,
    rows: u16,
    cols: u16,
    opened_at_ms: i64,
}

impl DurableShellV1 {
    /// Refuses a mark that a host's shell might read as anything but a name.
    pub(crate) fn from_saved(shell: SavedDurableShell) -> Result<Self, RecordError> {
        let SavedDurableShell {
            session_id: _,
            id: _,
            host,
            mark,
            holder,
            rows,
            cols,
            opened_at_ms,
        } = shell;
        Ok(Self {
            host,
            mark: checked(mark)?,
            holder,
            rows,
            cols,
            opened_at_ms,
        })
    }

    /// What it says about the shell `id` of that session.
    pub(crate) fn into_saved(
        self,
        session_id: &str,
        id: &str,
    ) -> Result<SavedDurableShell, RecordError> {
        Ok(SavedDurableShell {
            session_id: Id::new(session_id)?,
            id: Id::new(id)?,
            host: self.host,
            mark: checked(self.mark)?,
            holder: self.holder,
            rows: self.rows,
            cols: self.cols,
            opened_at_ms: self.opened_at_ms,
        })
    }
}
