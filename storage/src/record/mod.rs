//! What stands on the disk: types of their own, a version byte before each
//! value, and the conversions from and to what the program thinks with.

mod durable_job_v1;
mod durable_shell_v1;
mod frame;
mod mark;
mod v1;

pub(crate) use durable_job_v1::DurableJobV1;
pub(crate) use durable_shell_v1::DurableShellV1;
pub(crate) use frame::{RecordError, decode, encode};
pub(crate) use v1::{DockerHostV1, ForwardV1, SessionV1};
