//! From any older schema of `state.redb` to this program's: one file a
//! version, all missing steps in one transaction, after a verified backup.

mod chain;
mod step;
mod v1;
mod v2;
mod v3;

pub use chain::MigrateError;
pub(crate) use chain::{CHAIN, migrate, newest, run};
pub(crate) use step::Migration;
