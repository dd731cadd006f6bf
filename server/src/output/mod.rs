//! Output of commands: kept within bounds, addressed by byte offset, made
//! harmless for text.

mod kept;
mod plain;

pub use kept::{Kept, Part};
pub use plain::plain;
