//! SFTP on a call's session, and the place there that the call names.

use std::sync::Arc;

use schema::limits::SESSION_WAIT;
use schema::{Fault, Id};

use crate::files::{self, RemotePath};
use crate::link::Sftp;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::connect::or_cancelled;

/// SFTP on that session for a copy alone, and the path, absolute.
pub(super) async fn own_sftp_at(
    tools: &Tools,
    session_id: &Id,
    path: &str,
    caller: &Caller,
) -> Result<(Arc<Sftp>, RemotePath), Fault> {
    let links = tools.parts.sessions.get(session_id)?.links();
    let opening = files::own_sftp(&links, SESSION_WAIT);
    or_cancelled(caller, at(tools, session_id, path, opening)).await
}

/// SFTP on that session, which is dialled when it is down, and the path, absolute.
pub(super) async fn sftp_at(
    tools: &Tools,
    session_id: &Id,
    path: &str,
    caller: &Caller,
) -> Result<(Arc<Sftp>, RemotePath), Fault> {
    let links = tools.parts.sessions.get(session_id)?.links();
    let opening = files::sftp(&links, SESSION_WAIT);
    or_cancelled(caller, at(tools, session_id, path, opening)).await
}

async fn at(
    tools: &Tools,
    session_id: &Id,
    path: &str,
    opening: impl Future<Output = Result<Arc<Sftp>, Fault>>,
) -> Result<(Arc<Sftp>, RemotePath), Fault> {
    let path = RemotePath::new(path)?;
    let sftp = opening.await?;
    sweep(tools, session_id, &sftp);
    let path = files::absolute(&sftp, &path).await;
    Ok((sftp, path))
}

/// Has what an earlier link left on the host taken away, beside the call.
fn sweep(tools: &Tools, session_id: &Id, sftp: &Arc<Sftp>) {
    let host = tools.parts.file_hosts.of(session_id.as_str());
    if host.owes_nothing() {
        return;
    }
    let sftp = Arc::clone(sftp);
    let sweeping = async move { host.sweep(&sftp).await };
    tools.parts.tasks.spawn(sweeping);
}
