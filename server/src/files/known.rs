//! A file as its editor read it, which must be so still when it is replaced.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::error::FileError;
use super::path::RemotePath;
use super::read::read;
use crate::link::{Attributes, FileHandle, Sftp};

/// A time in a file's attributes has whole seconds: what changes within the same one
/// keeps it.
const TICK: Duration = Duration::from_secs(2);

/// What was read.
#[derive(Debug, Clone)]
pub struct Known {
    /// All of it.
    pub bytes: Bytes,
    /// What the server said of it.
    pub attributes: Attributes,
    /// When it had been read.
    pub read_at: Instant,
}

impl Known {
    /// Fails where `target` is another by now. `just_written` is a file there whose time
    /// is the host's own clock.
    pub(super) async fn check(
        &self,
        sftp: &Sftp,
        target: &RemotePath,
        just_written: Option<&FileHandle>,
    ) -> Result<(), FileError> {
        let there = sftp.stat(target.bytes(), true).await;
        let there = there.map_err(FileError::at(target))?;
        let mark = |one: &Attributes| (one.size, changed_at(one));
        let is_same = mark(&there) == mark(&self.attributes)
            && (self.was_at_rest(sftp, just_written).await || self.is_there(sftp, target).await?);
        if is_same {
            return Ok(());
        }
        Err(FileError::ChangedMeanwhile {
            path: target.to_string(),
        })
    }

    /// Whether it had been left alone for so long when it was read that a later change
    /// shows in its time.
    async fn was_at_rest(&self, sftp: &Sftp, just_written: Option<&FileHandle>) -> bool {
        let Some(file) = just_written else {
            return false;
        };
        let since = self.read_at.elapsed();
        let now = sftp.fstat(file).await.ok().as_ref().and_then(changed_at);
        let (Some(now), Some(changed)) = (now, changed_at(&self.attributes)) else {
            return false;
        };
        changed + TICK + since < now
    }

    async fn is_there(&self, sftp: &Sftp, target: &RemotePath) -> Result<bool, FileError> {
        let piece = read(sftp, target, 0, self.bytes.len() as u64).await?;
        Ok(piece.is_end && piece.bytes == self.bytes)
    }
}

/// Since 1970.
fn changed_at(attributes: &Attributes) -> Option<Duration> {
    let (_, changed) = attributes.times?;
    Some(Duration::from_secs(u64::from(changed)))
}
