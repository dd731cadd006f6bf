//! Long work: every command runs as a job, whether or not its caller waits
//! for its end.

mod card;
mod durable;
mod durables;
mod errand;
mod exec;
mod registry;
mod status;
mod upkeep;
mod work;

pub use durables::DurableJobs;
pub use errand::{Errand, start_errand};
pub use exec::start_exec;
pub use registry::Jobs;
pub use status::{NewJob, Status};
pub use upkeep::upkeep;
pub use work::{Job, Tells};
