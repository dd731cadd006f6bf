//! Copies into and out of containers: `docker_upload`, `docker_download`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::tools::job::Waiting;

/// Arguments of `docker_upload` and `docker_download`; the result is
/// [`Copied`](crate::tools::file::Copied).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DockerCopy {
    /// The host.
    pub host_id: Id,
    /// A name or id.
    pub container: String,
    /// Against the calling client's folder.
    #[schemars(extend("hint" = "file or folder on this machine"))]
    pub local_path: String,
    /// In the container.
    #[schemars(extend("hint" = "in the container"))]
    pub remote_path: String,
    /// How long to wait.
    #[serde(flatten)]
    pub waiting: Waiting,
}
