//! The daemon as a process: its configuration, its lock and handle, its log,
//! how it starts and how it stops.

pub mod config;
pub mod config_file;
pub mod exit;
pub mod ground;
pub mod handle;
pub mod hardening;
pub mod lifetime;
pub mod lock;
pub mod log;
pub mod memory;
pub mod options;
pub mod places;
pub mod rotate;
pub mod run;

pub use run::run;
