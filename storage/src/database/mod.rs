//! One redb file: opened only after it was found whole, made under another
//! name, written in commits that are on the disk when they return.

mod file;
mod rehearsal;
mod writes;

pub(crate) use file::{Cause, DatabaseFault, contained, create, open, open_trusting};
pub(crate) use rehearsal::rehearse;
pub(crate) use writes::{Durable, WriteFault, begin_durable};
