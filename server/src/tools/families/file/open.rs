//! SFTP on a call's session.

use std::sync::Arc;

use schema::limits::SESSION_WAIT;
use schema::{Fault, Id};

use crate::files;
use crate::link::Sftp;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::connect::or_cancelled;

/// SFTP on that session for a copy alone.
pub(super) async fn own_sftp(
    tools: &Tools,
    session_id: &Id,
    caller: &Caller,
) -> Result<Arc<Sftp>, Fault> {
    let links = tools.parts.sessions.get(session_id)?.links();
    or_cancelled(caller, files::own_sftp(&links, SESSION_WAIT)).await
}

/// SFTP on that session, which is dialled when it is down.
pub(super) async fn sftp(
    tools: &Tools,
    session_id: &Id,
    caller: &Caller,
) -> Result<Arc<Sftp>, Fault> {
    let links = tools.parts.sessions.get(session_id)?.links();
    or_cancelled(caller, files::sftp(&links, SESSION_WAIT)).await
}
