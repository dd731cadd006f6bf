//! A change of the state, and its form as rows of tables.

use redb::{TableDefinition, WriteTransaction};
use schema::Id;

use super::picture::{
    SavedDockerHost, SavedDurableJob, SavedDurableShell, SavedForward, SavedSession,
};
use super::tables::{
    DOCKER_HOSTS, DURABLE_JOBS, DURABLE_SHELLS, FORWARDS, SESSIONS, forward_key, forwards_of,
};
use crate::database::Cause;
use crate::record::{
    DockerHostV1, DurableJobV1, DurableShellV1, ForwardV1, RecordError, SessionV1, encode,
};

/// One change. What is put replaces what has its id; what is removed need not
/// be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Adds or replaces a session, less its inline secrets.
    PutSession(Box<SavedSession>),
    /// Removes a session and its forwards; its durable jobs and shells stay.
    RemoveSession(Id),
    /// Adds or replaces a forward.
    PutForward(SavedForward),
    /// Removes a forward.
    RemoveForward {
        /// Whose it is.
        session_id: Id,
        /// Which.
        id: Id,
    },
    /// Adds or replaces a Docker host, less its inline secrets.
    PutDockerHost(Box<SavedDockerHost>),
    /// Removes a Docker host.
    RemoveDockerHost(Id),
    /// Adds or replaces a durable job.
    PutDurableJob(Box<SavedDurableJob>),
    /// Removes the durable job of that job id.
    RemoveDurableJob(String),
    /// Adds or replaces a durable shell.
    PutDurableShell(Box<SavedDurableShell>),
    /// Removes a durable shell.
    RemoveDurableShell {
        /// Whose it is.
        session_id: Id,
        /// Which.
        id: Id,
    },
}

/// The tables that an edit may name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Table {
    Sessions,
    Forwards,
    DockerHosts,
    DurableJobs,
    DurableShells,
}

/// A change as rows: made by the caller, so that the writer only writes.
#[derive(Debug)]
pub(crate) enum Edit {
    Put {
        table: Table,
        key: String,
        value: Vec<u8>,
    },
    Remove {
        table: Table,
        key: String,
    },
    RemoveForwardsOf(String),
}

impl Edit {
    /// The rows of `change`.
    pub(crate) fn of(change: Change) -> Result<Vec<Self>, RecordError> {
        Ok(match change {
            Change::PutSession(session) => {
                let key = session.id.to_string();
                vec![Self::put(
                    Table::Sessions,
                    key,
                    encode(&SessionV1::from(*session))?,
                )]
            }
            Change::RemoveSession(id) => vec![
                Self::RemoveForwardsOf(id.to_string()),
                Self::remove(Table::Sessions, id.into()),
            ],
            Change::PutForward(forward) => {
                let key = forward_key(forward.session_id.as_str(), forward.id.as_str());
                vec![Self::put(
                    Table::Forwards,
                    key,
                    encode(&ForwardV1::from(forward))?,
                )]
            }
            Change::RemoveForward { session_id, id } => {
                let key = forward_key(session_id.as_str(), id.as_str());
                vec![Self::remove(Table::Forwards, key)]
            }
            Change::PutDockerHost(host) => {
                let key = host.id.to_string();
                vec![Self::put(
                    Table::DockerHosts,
                    key,
                    encode(&DockerHostV1::from(*host))?,
                )]
            }
            Change::RemoveDockerHost(id) => vec![Self::remove(Table::DockerHosts, id.into())],
            Change::PutDurableJob(job) => {
                let key = job.id.clone();
                vec![Self::put(
                    Table::DurableJobs,
                    key,
                    encode(&DurableJobV1::from_saved(*job)?)?,
                )]
            }
            Change::RemoveDurableJob(id) => vec![Self::remove(Table::DurableJobs, id)],
            Change::PutDurableShell(shell) => {
                let key = forward_key(shell.session_id.as_str(), shell.id.as_str());
                let record = DurableShellV1::from_saved(*shell)?;
                vec![Self::put(Table::DurableShells, key, encode(&record)?)]
            }
            Change::RemoveDurableShell { session_id, id } => {
                let key = forward_key(session_id.as_str(), id.as_str());
                vec![Self::remove(Table::DurableShells, key)]
            }
        })
    }

    /// Does it within a transaction.
    pub(crate) fn apply(&self, write: &WriteTransaction) -> Result<(), Cause> {
        match self {
            Self::Put { table, key, value } => {
                write
                    .open_table(table.definition())?
                    .insert(key.as_str(), value.as_slice())?;
            }
            Self::Remove { table, key } => {
                write.open_table(table.definition())?.remove(key.as_str())?;
            }
            Self::RemoveForwardsOf(session_id) => {
                let (first, end) = forwards_of(session_id);
                write
                    .open_table(FORWARDS)?
                    .retain_in(first.as_str()..end.as_str(), |_, _| false)?;
            }
        }
        Ok(())
    }

    fn put(table: Table, key: String, value: Vec<u8>) -> Self {
        Self::Put { table, key, value }
    }

    fn remove(table: Table, key: String) -> Self {
        Self::Remove { table, key }
    }
}

impl Table {
    fn definition(self) -> TableDefinition<'static, &'static str, &'static [u8]> {
        match self {
            Self::Sessions => SESSIONS,
            Self::Forwards => FORWARDS,
            Self::DockerHosts => DOCKER_HOSTS,
            Self::DurableJobs => DURABLE_JOBS,
            Self::DurableShells => DURABLE_SHELLS,
        }
    }
}
