//! The record of a durable job, version 1. Never edited: its order of fields
//! is the format.

use schema::Id;
use serde::{Deserialize, Serialize};

use super::RecordError;
use super::mark::checked;
use crate::redact;
use crate::state::SavedDurableJob;

#[derive(Serialize, Deserialize)]
pub(crate) struct DurableJobV1 {
    session_id: String,
    host: String,
    command: String,
    raw: bool,
    mark: String,
    started_at_ms: i64,
    seq: u64,
}

impl DurableJobV1 {
    /// Refuses a mark that a host's shell might read as anything but a name.
    pub(crate) fn from_saved(job: SavedDurableJob) -> Result<Self, RecordError> {
        let SavedDurableJob {
            id: _,
            session_id,
            host,
            command,
            raw,
            mark,
            started_at_ms,
            seq,
        } = job;
        Ok(Self {
            session_id: session_id.into(),
            host,
            // For showing alone: its host has it.
            command: redact::text(&command).into_owned(),
            raw,
            mark: checked(mark)?,
            started_at_ms,
            seq,
        })
    }

    /// What it says about the job `id`.
    pub(crate) fn into_saved(self, id: &str) -> Result<SavedDurableJob, RecordError> {
        Ok(SavedDurableJob {
            id: id.to_owned(),
            session_id: Id::new(self.session_id)?,
            host: self.host,
            command: self.command,
            raw: self.raw,
            mark: checked(self.mark)?,
            started_at_ms: self.started_at_ms,
            seq: self.seq,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_that_was_typed_is_not_stored() {
        let saved = SavedDurableJob {
            id: "job-1".into(),
            session_id: Id::new("web").unwrap(),
            host: "ann@SHA256:abc".into(),
            command: "backup --password typed-by-hand".into(),
            raw: false,
            mark: "0123456789abcdef".into(),
            started_at_ms: 0,
            seq: 1,
        };
        let back = DurableJobV1::from_saved(saved).unwrap().into_saved("job-1");
        assert_eq!(back.unwrap().command, "backup --password [redacted]");
    }
}
