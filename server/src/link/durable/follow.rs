//! Tells what a durable job writes and how it ends, from any offset on.

use super::super::remote_script::{Preamble, fed};
use super::{IDENTITY, Mark};

const FOLLOW: &str = include_str!("follow.sh");

/// To be sent after [`super::Frame::Exit`], when all is kept elsewhere: the
/// job's folder is removed, and [`super::Frame::Removed`] says so.
pub(in crate::link) const DONE: &[u8] = b"done\n";

/// What to send; stdin stays open afterwards, for [`DONE`]. Its answer goes
/// through a [`super::FrameParser`]. The offsets are bytes of each stream that
/// are here already.
pub(in crate::link) fn follow_script(
    mark: &Mark,
    stdout_offset: u64,
    stderr_offset: u64,
) -> Preamble {
    fed(format!(
        "job_mark={mark} job_stdout_at={stdout_offset} job_stderr_at={stderr_offset}\n\
         {IDENTITY}{FOLLOW}"
    ))
}
