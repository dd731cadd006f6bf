//! Files of a session's host, over SFTP: what a call reads, and how it writes so that
//! nobody sees half of it.

mod change;
mod content;
mod download;
mod edit;
mod error;
mod guard;
mod hidden;
mod host;
mod known;
mod list;
mod local;
mod path;
mod read;
mod stage;
mod tally;
mod transfer;
mod upload;
mod walk;
mod write;

use std::sync::Arc;
use std::time::Duration;

use schema::{Code, Fault};

pub use change::{delete, mkdir, rename, set_mode};
pub use content::Content;
pub use download::Download;
pub use edit::{Edit, Edited, edit};
pub use error::FileError;
pub use guard::LocalGuard;
pub use host::{FileHost, FileHosts};
pub use list::{Entry, list, stat};
pub use path::{RemotePath, shown};
pub use read::{Piece, read};
pub use tally::{Copied, Tally};
pub use transfer::Transfer;
pub use upload::Upload;
pub use write::{How, Turn, Written, append, turn, write_resolved};

use crate::link::{Connection, Links, Sftp, SftpError};

/// A path as everybody reads it: one that is relative is in the login folder.
pub async fn absolute(sftp: &Sftp, path: &RemotePath) -> RemotePath {
    if path.is_absolute() {
        return path.clone();
    }
    match sftp.login_folder().await {
        Some(folder) => path.below(&folder),
        None => path.clone(),
    }
}

/// SFTP of its own for a copy, which would keep others waiting; where the host has no
/// room for that, the one that all share.
pub async fn own_sftp(links: &Links, wait: Duration) -> Result<Arc<Sftp>, Fault> {
    let own = |connection: Arc<Connection>| async move {
        let own = connection.own_sftp().await;
        own.map(Arc::new)
    };
    match on_living(links, wait, own).await? {
        Err(SftpError::Link {
            code: Code::Busy, ..
        }) => sftp(links, wait).await,
        opened => opened.map_err(|error| FileError::of(error).into()),
    }
}

/// Opens SFTP on the session's link. One that turns out to be dead was asked for
/// nothing yet, so the next one is as good.
async fn on_living<Opening>(
    links: &Links,
    wait: Duration,
    open: impl Fn(Arc<Connection>) -> Opening,
) -> Result<Result<Arc<Sftp>, SftpError>, Fault>
where
    Opening: Future<Output = Result<Arc<Sftp>, SftpError>>,
{
    match open((links.up)(wait).await?).await {
        Err(SftpError::Lost(_)) => Ok(open((links.up)(wait).await?).await),
        opened => Ok(opened),
    }
}

/// Channels beside the first one of an upload.
const MORE_CHANNELS: usize = 2;

/// Further channels beside `first` where the host is far and has room for them: sshd
/// takes 2 MiB a round trip on each.
pub async fn more_sftp(links: &Links, first: &Sftp) -> Vec<Arc<Sftp>> {
    let mut more = Vec::new();
    if !first.is_far() {
        return more;
    }
    let Ok(connection) = (links.up)(Duration::ZERO).await else {
        return more;
    };
    while more.len() < MORE_CHANNELS && connection.has_place() {
        match connection.own_sftp().await {
            Ok(own) => more.push(Arc::new(own)),
            Err(error) => {
                tracing::debug!(%error, "no further channel");
                break;
            }
        }
    }
    more
}

/// SFTP on the session's link, dialled when it is down and waited for so long.
pub async fn sftp(links: &Links, wait: Duration) -> Result<Arc<Sftp>, Fault> {
    let shared = |connection: Arc<Connection>| async move { connection.sftp().await };
    match on_living(links, wait, shared).await? {
        // Where a host allows few session channels, another connection has one.
        Err(SftpError::Link {
            code: Code::Busy, ..
        }) => {}
        other => return other.map_err(|error| FileError::of(error).into()),
    }
    let Some(connection) = (links.place)().await else {
        let words = "the host has no room for SFTP beside the commands that run";
        return Err(Fault::new(Code::Busy, words).next("call again when a job has ended"));
    };
    let opened = connection.sftp().await;
    opened.map_err(|error| FileError::of(error).into())
}
