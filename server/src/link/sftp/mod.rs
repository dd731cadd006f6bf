//! An SFTP client, version 3 (draft-ietf-secsh-filexfer-02), with the extensions of
//! OpenSSH (its PROTOCOL, section 4) where a server has them. Names are bytes, any
//! number of requests is in flight, and all that a server sizes has a limit.

mod attributes;
mod client;
mod error;
mod frames;
mod operations;
mod pending;
mod reply;
mod slot;
mod start;
mod wire;

pub use attributes::{Attributes, FileKind};
pub use client::{Sftp, SftpLimits};
pub use error::{SftpError, StatusCode};
pub use operations::{FileHandle, OnItsWay, OpenFlags};
pub use reply::Named;
pub(super) use slot::SftpSlot;
