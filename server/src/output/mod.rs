//! Output of commands: kept within bounds, addressed by byte offset, searched
//! in bounded memory, made harmless for text.

mod characters;
mod excerpt;
mod kept;
mod lines;
mod plain;
mod search;
mod stream;

pub use characters::whole_characters;
pub use excerpt::{Excerpt, excerpt};
pub use plain::plain;
pub use search::{Wanted, grep, tail};
pub use storage::spool::Part;
pub use stream::Output;

/// Reads up to so many bytes from an offset; a piece never spans a gap, and an
/// empty one is the end of what there is.
pub type Read<'a> = dyn Fn(u64, usize) -> std::io::Result<Part> + 'a;
