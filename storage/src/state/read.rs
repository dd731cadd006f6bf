//! Reading the whole state in one transaction.

use redb::{Database, ReadableDatabase as _, ReadableTable as _};

use super::picture::Picture;
use super::tables::{
    DOCKER_HOSTS, DURABLE_JOBS, DURABLE_SHELLS, FORWARDS, SESSIONS, split_forward_key,
};
use crate::database::DatabaseFault;
use crate::record::{
    DockerHostV1, DurableJobV1, DurableShellV1, ForwardV1, RecordError, SessionV1, decode,
};

/// Reads it all in one read transaction.
pub(super) fn read_picture(database: &Database) -> Result<Picture, DatabaseFault> {
    let read = database.begin_read()?;
    let mut picture = Picture::default();
    for row in read.open_table(SESSIONS)?.iter()? {
        let (key, value) = row?;
        let (id, value) = (key.value(), value.value());
        let saved = decode::<SessionV1>(value).and_then(|record| record.into_saved(id));
        picture
            .sessions
            .push(saved.map_err(unreadable("session", id))?);
    }
    for row in read.open_table(FORWARDS)?.iter()? {
        let (key, value) = row?;
        let (session_id, id) = split_forward_key(key.value());
        let saved =
            decode::<ForwardV1>(value.value()).and_then(|record| record.into_saved(session_id, id));
        picture
            .forwards
            .push(saved.map_err(unreadable("forward", id))?);
    }
    for row in read.open_table(DOCKER_HOSTS)?.iter()? {
        let (key, value) = row?;
        let (id, value) = (key.value(), value.value());
        let saved = decode::<DockerHostV1>(value).and_then(|record| record.into_saved(id));
        picture
            .docker_hosts
            .push(saved.map_err(unreadable("Docker host", id))?);
    }
    for row in read.open_table(DURABLE_JOBS)?.iter()? {
        let (key, value) = row?;
        let (id, value) = (key.value(), value.value());
        let saved = decode::<DurableJobV1>(value).and_then(|record| record.into_saved(id));
        picture
            .durable_jobs
            .push(saved.map_err(unreadable("durable job", id))?);
    }
    for row in read.open_table(DURABLE_SHELLS)?.iter()? {
        let (key, value) = row?;
        let (session_id, id) = split_forward_key(key.value());
        let saved = decode::<DurableShellV1>(value.value())
            .and_then(|record| record.into_saved(session_id, id));
        picture
            .durable_shells
            .push(saved.map_err(unreadable("durable shell", id))?);
    }
    Ok(picture)
}

fn unreadable<'a>(
    what: &'static str,
    id: &'a str,
) -> impl FnOnce(RecordError) -> DatabaseFault + 'a {
    move |error| DatabaseFault::Damaged(format!("the {what} `{id}` cannot be read: {error}"))
}
