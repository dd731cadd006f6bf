//! Long work: every command runs as a job, whether or not its caller waits
//! for its end.

mod exec;
mod registry;
mod work;

pub use exec::start_exec;
pub use registry::Jobs;
pub use work::{Job, NewJob, Status};
