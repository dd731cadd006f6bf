//! One step of a migration.

use redb::WriteTransaction;

use crate::database::Cause;

/// One step: from the version before to `to`.
pub(crate) struct Migration {
    pub(crate) to: u32,
    pub(crate) apply: fn(&WriteTransaction) -> Result<(), Cause>,
}
