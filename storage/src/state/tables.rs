//! The tables of `state.redb` and the version of their schema. Keys and values
//! are strings, integers and bytes only.

use redb::{Database, ReadableDatabase as _, TableDefinition, WriteTransaction};

use crate::database::{Cause, DatabaseFault};

/// The version this program writes. A new one has a file in `migrate` and a
/// fixture.
pub(crate) const SCHEMA_VERSION: u32 = 3;

/// By session id: `SessionV1`.
pub(super) const SESSIONS: TableDefinition<&str, &[u8]> = TableDefinition::new("sessions");
/// By [`forward_key`]: `ForwardV1`.
pub(super) const FORWARDS: TableDefinition<&str, &[u8]> = TableDefinition::new("forwards");
/// By host id: `DockerHostV1`.
pub(super) const DOCKER_HOSTS: TableDefinition<&str, &[u8]> = TableDefinition::new("docker_hosts");
/// By job id: `DurableJobV1`. Of version 2.
pub(super) const DURABLE_JOBS: TableDefinition<&str, &[u8]> = TableDefinition::new("durable_jobs");
/// By [`forward_key`]: `DurableShellV1`. Of version 3.
pub(super) const DURABLE_SHELLS: TableDefinition<&str, &[u8]> =
    TableDefinition::new("durable_shells");

/// Frozen for ever: what any later program must find to refuse or migrate.
const VERSIONS: TableDefinition<&str, u64> = TableDefinition::new("meta");
const SCHEMA_KEY: &str = "schema_version";
/// Frozen too: what wrote the file last, for a person.
const NOTES: TableDefinition<&str, &str> = TableDefinition::new("notes");
const WRITTEN_BY_KEY: &str = "written_by";

/// A session's id and a forward's or a shell's, with what no id contains between them, so
/// that a session's forwards lie together.
pub(super) fn forward_key(session_id: &str, id: &str) -> String {
    format!("{session_id}\0{id}")
}

/// The two ids of a [`forward_key`].
pub(super) fn split_forward_key(key: &str) -> (&str, &str) {
    key.split_once('\0').unwrap_or((key, ""))
}

/// The keys of all forwards of one session: from the first to before the last.
pub(super) fn forwards_of(session_id: &str) -> (String, String) {
    (format!("{session_id}\0"), format!("{session_id}\x01"))
}

/// Makes the tables of version 1, so that a read never meets a missing one.
pub(crate) fn make_first_tables(write: &WriteTransaction) -> Result<(), Cause> {
    write.open_table(SESSIONS)?;
    write.open_table(FORWARDS)?;
    write.open_table(DOCKER_HOSTS)?;
    Ok(())
}

/// Makes the table that version 2 added.
pub(crate) fn make_durable_jobs(write: &WriteTransaction) -> Result<(), Cause> {
    write.open_table(DURABLE_JOBS)?;
    Ok(())
}

/// Makes the table that version 3 added.
pub(crate) fn make_durable_shells(write: &WriteTransaction) -> Result<(), Cause> {
    write.open_table(DURABLE_SHELLS)?;
    Ok(())
}

/// Notes the version that the tables have from this transaction on.
pub(crate) fn set_schema_version(
    write: &WriteTransaction,
    version: u32,
    program_version: &str,
) -> Result<(), Cause> {
    write
        .open_table(VERSIONS)?
        .insert(SCHEMA_KEY, u64::from(version))?;
    write
        .open_table(NOTES)?
        .insert(WRITTEN_BY_KEY, program_version)?;
    Ok(())
}

/// The version of the tables' schema.
pub(crate) fn schema_version(database: &Database) -> Result<u32, DatabaseFault> {
    let read = database.begin_read()?;
    let none =
        || DatabaseFault::Damaged("it says no schema version: another program's file".into());
    let table = match read.open_table(VERSIONS) {
        Ok(table) => table,
        Err(redb::TableError::Storage(error)) => return Err(error.into()),
        Err(_not_there) => return Err(none()),
    };
    let version = table.get(SCHEMA_KEY)?.ok_or_else(none)?.value();
    u32::try_from(version).or(Err(none()))
}

/// The program version that wrote the schema, if it is noted.
pub(crate) fn written_by(database: &Database) -> Option<String> {
    let table = database.begin_read().ok()?.open_table(NOTES).ok()?;
    let value = table.get(WRITTEN_BY_KEY).ok()??;
    Some(value.value().to_owned())
}
