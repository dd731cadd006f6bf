//! The rows of images, and of copies into and out of containers.

use super::row::Answer::{Record, Rows, Text};
use super::row::Row;
use super::row::Toolset::Docker;

pub(in crate::tools) const LIST: Row = Row::read(
    Docker,
    Rows,
    "List images",
    "Lists the images that an engine has, one row a tag.",
);

pub(in crate::tools) const PULL: Row = Row::change(
    Docker,
    Record,
    "Pull image",
    "Pulls an image from its registry. A long pull goes on as a job: follow it with \
     job_wait.",
)
.adding()
.idempotent();

pub(in crate::tools) const REMOVE: Row = Row::change(
    Docker,
    Text,
    "Remove image",
    "Removes a tag, and the image with its last one. In use it is refused unless \
     force.",
)
.idempotent();

pub(in crate::tools) const UPLOAD: Row = Row::change(
    Docker,
    Record,
    "Upload into container",
    "Copies a file or folder from this machine into a container, running or not. A \
     folder's contents go to remote_path itself.",
)
.idempotent();

pub(in crate::tools) const DOWNLOAD: Row = Row::change(
    Docker,
    Record,
    "Download from container",
    "Copies a file or folder out of a container, running or not, to this machine. A \
     folder's contents go to local_path itself.",
)
.idempotent();
