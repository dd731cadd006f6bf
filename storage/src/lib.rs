//! The databases of remote-shell-mcp: what must come back, what was done, the
//! output of jobs, and the private files that all of it stands in.

pub mod audit;
pub mod backup;
pub mod import;
pub mod migrate;
pub mod private_files;
pub mod redact;
pub mod spool;
pub mod state;

mod database;
mod record;
