//! The shell tools of sessions.

mod find;
mod info;
mod keys;
mod line;
mod open;
mod read;

pub(super) use find::{list, of_session, rows};
pub(super) use keys::{close, end, resize, write};
pub(in crate::tools) use keys::{hides, types_secret};
pub(super) use line::run;
pub(super) use open::open;
pub(super) use read::read;
