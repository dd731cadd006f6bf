//! What both directions of a copy take.

use std::path::PathBuf;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::guard::LocalGuard;
use super::host::FileHost;
use super::path::RemotePath;
use super::tally::Tally;
use crate::link::Sftp;

/// A file or folder here and its place there, or the other way round: the places
/// themselves, not the folders to put them in.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// SFTP there.
    pub sftp: Arc<Sftp>,
    /// Here, absolute.
    pub local: PathBuf,
    /// There.
    pub remote: RemotePath,
    /// What is neither read nor written here.
    pub guard: LocalGuard,
    /// What is remembered of the host's files.
    pub host: Arc<FileHost>,
    /// Counts along.
    pub tally: Arc<Tally>,
    /// Fires when it is to stop: what is not whole is taken away.
    pub cancelled: CancellationToken,
}
