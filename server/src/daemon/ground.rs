//! The ground: opens the databases and brings up what they remember. (The
//! seam: today it gives tools without a ground.)

use std::sync::Arc;

use super::config::Config;
use crate::tools::Tools;

/// MCP's instructions. (To become the contract's.)
pub const INSTRUCTIONS: &str = "Sessions, shells, forwards and jobs live in a daemon.";

/// Why there are no tools.
#[derive(Debug, thiserror::Error)]
pub enum GroundError {
    /// The databases must not be touched; hello and control say why.
    #[error("{reason}")]
    Refusing {
        /// In words, with the next step.
        reason: String,
    },
    /// The daemon cannot live.
    #[error("{reason}")]
    Fatal {
        /// In words, with the next step.
        reason: String,
        /// The exit code.
        exit: u8,
    },
}

/// Opens the ground.
#[expect(clippy::unused_async, reason = "opening databases will wait")]
pub async fn open(_config: &Config) -> Result<Arc<Tools>, GroundError> {
    Ok(Arc::new(Tools::default()))
}
