//! Images: `docker_image_list`, `docker_image_pull`, `docker_image_remove`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Id;
use crate::tools::job::Waiting;

/// Arguments of `docker_image_list`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageList {
    /// The host.
    pub host_id: Id,
    /// Intermediate ones too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "intermediate ones too"))]
    pub all: Option<bool>,
}

/// Arguments of `docker_image_pull`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImagePull {
    /// The host.
    pub host_id: Id,
    /// A reference; `latest` without a tag.
    pub image: String,
    /// How long to wait.
    #[serde(flatten)]
    pub waiting: Waiting,
}

/// Arguments of `docker_image_remove`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageRemove {
    /// The host.
    pub host_id: Id,
    /// A reference or id.
    pub image: String,
    /// Also when containers or other tags use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub force: Option<bool>,
    /// Parents without a tag too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "also untagged parents"))]
    pub prune_children: Option<bool>,
}

/// One image; an image with several tags has several rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRow {
    /// The first 19 characters, `sha256:` included.
    pub id: String,
    /// `repository:tag`; empty for none.
    pub tag: String,
    /// In bytes.
    pub size: u64,
    /// When it was made.
    pub created: String,
}

/// Result of `docker_image_pull`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImagePulled {
    /// The reference asked for.
    pub image: String,
    /// The engine's last word on it.
    pub status: String,
    /// `sha256:...` of the registry; empty when it named none.
    pub digest: String,
}
