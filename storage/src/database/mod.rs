//! One redb file: opened only after it was found whole, made under another
//! name, written in commits that are on the disk when they return.

mod fault;
mod file;
mod rehearsal;
mod transaction;
mod writes;

pub(crate) use fault::{Cause, DatabaseFault, contained};
pub(crate) use file::{create, open, open_trusting};
pub(crate) use rehearsal::rehearse;
pub(crate) use transaction::begin_durable;
pub(crate) use writes::{Durable, WriteFault};
