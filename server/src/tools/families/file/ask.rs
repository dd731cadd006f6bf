//! The arguments of the file tools, typed.

use schema::tools::Tool;
use schema::tools::file::{
    FileChmod, FileCopy, FileEdit, FileMkdir, FilePath, FileRead, FileRename, FileWrite,
};
use schema::{Code, Fault, Id};
use serde::Serialize;
use serde_json::Value;

use crate::tools::families::typed::typed;

/// One call's arguments.
#[derive(Debug, Clone)]
pub(in crate::tools) enum FileAsk {
    List(FilePath),
    Stat(FilePath),
    Read(FileRead),
    Write(FileWrite),
    Edit(FileEdit),
    Delete(FilePath),
    Mkdir(FileMkdir),
    Chmod(FileChmod),
    Rename(FileRename),
    Upload(FileCopy),
    Download(FileCopy),
}

impl FileAsk {
    /// Reads checked arguments of a file tool.
    pub(in crate::tools::families) fn read(tool: Tool, arguments: Value) -> Result<Self, Fault> {
        Ok(match tool {
            Tool::SshFileList => Self::List(typed(tool, arguments)?),
            Tool::SshFileStat => Self::Stat(typed(tool, arguments)?),
            Tool::SshFileRead => Self::Read(typed(tool, arguments)?),
            Tool::SshFileWrite => Self::Write(typed(tool, arguments)?),
            Tool::SshFileEdit => Self::Edit(typed(tool, arguments)?),
            Tool::SshFileDelete => Self::Delete(typed(tool, arguments)?),
            Tool::SshFileMkdir => Self::Mkdir(typed(tool, arguments)?),
            Tool::SshFileChmod => Self::Chmod(typed(tool, arguments)?),
            Tool::SshFileRename => Self::Rename(typed(tool, arguments)?),
            Tool::SshUpload => Self::Upload(typed(tool, arguments)?),
            Tool::SshDownload => Self::Download(typed(tool, arguments)?),
            other => {
                let words = format!("{other} is not in this version yet");
                return Err(Fault::new(Code::Unavailable, words));
            }
        })
    }

    /// The session it works on.
    pub(in crate::tools::families) fn session_id(&self) -> &Id {
        match self {
            Self::List(ask) | Self::Stat(ask) | Self::Delete(ask) => &ask.session_id,
            Self::Read(ask) => &ask.session_id,
            Self::Write(ask) => &ask.session_id,
            Self::Edit(ask) => &ask.session_id,
            Self::Mkdir(ask) => &ask.session_id,
            Self::Chmod(ask) => &ask.session_id,
            Self::Rename(ask) => &ask.session_id,
            Self::Upload(ask) | Self::Download(ask) => &ask.session_id,
        }
    }

    /// One line for a person.
    pub(in crate::tools::families) fn summary(&self) -> String {
        match self {
            Self::List(ask) | Self::Stat(ask) | Self::Delete(ask) => ask.path.clone(),
            Self::Read(ask) => ask.path.clone(),
            Self::Write(ask) => format!("{} ({} bytes)", ask.path, ask.data.len()),
            Self::Edit(ask) => ask.path.clone(),
            Self::Mkdir(ask) => ask.path.clone(),
            Self::Chmod(ask) => format!("{} {}", ask.mode, ask.path),
            Self::Rename(ask) => format!("{} to {}", ask.from, ask.to),
            Self::Upload(ask) => format!("{} to {}", ask.local_path, ask.remote_path),
            Self::Download(ask) => format!("{} to {}", ask.remote_path, ask.local_path),
        }
    }

    /// The arguments as JSON.
    pub(in crate::tools::families) fn json(&self) -> String {
        fn json(ask: &impl Serialize) -> String {
            serde_json::to_string(ask).unwrap_or_default()
        }
        match self {
            Self::List(ask) | Self::Stat(ask) | Self::Delete(ask) => json(ask),
            Self::Read(ask) => json(ask),
            Self::Write(ask) => json(ask),
            Self::Edit(ask) => json(ask),
            Self::Mkdir(ask) => json(ask),
            Self::Chmod(ask) => json(ask),
            Self::Rename(ask) => json(ask),
            Self::Upload(ask) | Self::Download(ask) => json(ask),
        }
    }
}
