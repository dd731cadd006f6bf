//! Files over SFTP: `ssh_file_*`, `ssh_upload` and `ssh_download`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::job::Waiting;
pub use super::mode::{Mode, ModeError};
use crate::id::Id;

/// Arguments of `ssh_file_list`, `_stat` and `_delete`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilePath {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
}

/// Arguments of `ssh_file_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileRead {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
    /// The first byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// How many bytes, 64 MiB at most; the result limit when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "in bytes"))]
    pub length: Option<u64>,
}

/// Arguments of `ssh_file_write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileWrite {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
    /// All of the file, or what is added to it.
    pub data: String,
    /// Adds to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<bool>,
    /// Of a new file, or to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// `false` writes in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "default true; false writes in place"))]
    pub atomic: Option<bool>,
}

/// Arguments of `ssh_file_edit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEdit {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
    /// Must be there exactly, once unless `all`.
    #[schemars(extend("hint" = "exact text, there once unless all"))]
    pub old: String,
    /// What comes in its place.
    pub new: String,
    /// Every place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all: Option<bool>,
    /// Refuse when the file has another sum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "refuse when the file is another"))]
    pub expect_sha256: Option<String>,
}

/// Arguments of `ssh_file_mkdir`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileMkdir {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
    /// With its parents, and no failure when it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("hint" = "parents too"))]
    pub recursive: Option<bool>,
}

/// Arguments of `ssh_file_chmod`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileChmod {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub path: String,
    /// The bits to set.
    pub mode: Mode,
}

/// Arguments of `ssh_file_rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileRename {
    /// The session.
    pub session_id: Id,
    /// On the host; `~/` is the login folder.
    pub from: String,
    /// On the host; `~/` is the login folder.
    pub to: String,
    /// Take the place of an existing target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overwrite: Option<bool>,
}

/// Arguments of `ssh_upload` and `ssh_download`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileCopy {
    /// The session.
    pub session_id: Id,
    /// Against the calling client's folder.
    #[schemars(extend("hint" = "file or folder on this machine"))]
    pub local_path: String,
    /// On the host; `~/` is the login folder.
    #[schemars(extend("hint" = "the target itself, not the folder to put it in"))]
    pub remote_path: String,
    /// How long to wait.
    #[serde(flatten)]
    pub waiting: Waiting,
}

/// One entry of a folder; the result of `ssh_file_stat` too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its last component.
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// As `ls -l` writes it: `-rw-r--r--`.
    pub mode: String,
    /// When it was changed.
    pub mod_time: String,
    /// It is a folder.
    pub is_dir: bool,
    /// Where a symlink points; empty for others.
    pub target: String,
}

/// Result of `ssh_file_read`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileText {
    /// Bytes read.
    pub bytes: u64,
    /// The file's text.
    pub data: String,
    /// All of the file, in bytes.
    pub size: u64,
    /// Where the next part begins.
    pub next_offset: u64,
    /// Nothing follows.
    pub eof: bool,
}

/// Result of `ssh_file_write`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileWritten {
    /// All of what was given.
    pub bytes_written: u64,
    /// Nobody could have seen half of it.
    pub atomic: bool,
}

/// Result of `ssh_file_edit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEdited {
    /// How many places changed.
    pub replacements: u64,
    /// Of the file now, hex.
    pub sha256: String,
    /// What changed, as a unified diff.
    pub diff: String,
    /// Nobody could have seen half of it; else it was written in place.
    pub atomic: bool,
}

/// Result of `ssh_upload`, `ssh_download`, `docker_upload` and
/// `docker_download`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// Contents copied.
    pub bytes: u64,
    /// Files copied.
    pub files: u64,
    /// What is not copied, each with the reason: symlinks, pipes, names that are not
    /// UTF-8.
    pub skipped: Vec<String>,
    /// What could not be copied, each with the reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<String>,
    /// Files that were written in place, since their owner or other names could not
    /// be kept otherwise: one that is cut off is incomplete.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_place: Vec<String>,
    /// It was stopped when its time was over: this is what there was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub timed_out: bool,
    /// From the request to the end.
    pub duration_ms: u64,
    /// The absolute local path.
    pub local_path: String,
    /// The absolute remote path.
    pub remote_path: String,
}
