//! What a fetched part hands over to the harness.

use std::path::PathBuf;

/// Programs and folders by the name the harness asks for.
pub(super) type Places = Vec<(&'static str, PathBuf)>;
