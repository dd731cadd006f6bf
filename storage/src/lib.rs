//! The databases of remote-shell-mcp: what must come back, what was done, and
//! the private files that both stand in.

pub mod audit;
pub mod backup;
pub mod import;
pub mod migrate;
pub mod private_files;
pub mod redact;
pub mod state;

mod database;
mod record;
