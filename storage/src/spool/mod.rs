//! What jobs printed, on disk and within bounds: a folder a job, named by its
//! id, with a card that says what the job is and a file a stream.
//!
//! Nothing here is synced: the kill of a process loses nothing that was
//! answered, a power cut may cost what was not yet on the disk.

mod appending;
mod card;
mod card_v1;
mod error;
mod found;
mod header;
mod job_folder;
mod layout;
mod positioned;
mod retention;
mod store;
mod stream;
mod usage;

pub use card::{Card, CardEnd};
pub use error::SpoolError;
pub use found::{Found, FoundStream};
pub use job_folder::StreamName;
pub use layout::Bounds;
pub use retention::Limits;
pub use store::Spool;
pub use stream::{Part, StreamFile};
