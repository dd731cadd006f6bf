//! The requests: section 6 of the draft, and OpenSSH's extensions.

use std::ops::BitOr;

use bytes::Bytes;

use super::attributes::Attributes;
use super::client::{Sftp, SftpLimits};
use super::error::{SftpError, StatusCode};
use super::pending::Answer;
use super::reply::{Named, Reply};
use super::wire::{Fields, Packet};

const OPEN: u8 = 3;
const CLOSE: u8 = 4;
const READ: u8 = 5;
const WRITE: u8 = 6;
const LSTAT: u8 = 7;
const FSTAT: u8 = 8;
const SETSTAT: u8 = 9;
const FSETSTAT: u8 = 10;
const OPENDIR: u8 = 11;
const READDIR: u8 = 12;
const REMOVE: u8 = 13;
const MKDIR: u8 = 14;
const RMDIR: u8 = 15;
const REALPATH: u8 = 16;
const STAT: u8 = 17;
const RENAME: u8 = 18;
const READLINK: u8 = 19;
const EXTENDED: u8 = 200;

/// What the draft lets every server take, in bytes.
const DEFAULT_LIMIT: u32 = 32 << 10;

/// What we ask for at once at most, in bytes: OpenSSH's own limit.
const OUR_LIMIT: u32 = 255 << 10;

/// Parts without an entry, one after the other, that a listing may have.
const EMPTY_PARTS_MAX: usize = 100;

/// Names of one listing together, in bytes: of 100 000 names of 255 bytes some fit.
const NAMES_MAX_BYTES: usize = 16 << 20;

/// Parts of a listing that are asked for at once.
const READDIRS_AT_ONCE: usize = 4;

/// An open file or folder. To be given to [`Sftp::close`].
#[derive(Debug, Clone)]
pub struct FileHandle(Bytes);

/// How a file is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenFlags(u32);

impl OpenFlags {
    /// To be read.
    pub const READ: Self = Self(0x1);
    /// To be written.
    pub const WRITE: Self = Self(0x2);
    /// What is written goes to the end.
    pub const APPEND: Self = Self(0x4);
    /// Made if it is not there.
    pub const CREATE: Self = Self(0x8);
    /// Emptied.
    pub const TRUNCATE: Self = Self(0x10);
    /// It must not be there.
    pub const NEW: Self = Self(0x20);
}

impl BitOr for OpenFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A read or a write that is on its way.
#[derive(Debug)]
pub struct OnItsWay(Answer);

impl OnItsWay {
    /// What was read; none at the end of the file. It may be less than was asked for.
    pub async fn data(self) -> Result<Option<Bytes>, SftpError> {
        match self.0.reply().await? {
            Reply::Data(data) => Ok(Some(data)),
            other => match status(other) {
                Err(SftpError::Status {
                    code: StatusCode::Eof,
                    ..
                }) => Ok(None),
                Err(error) => Err(error),
                Ok(()) => Err(odd()),
            },
        }
    }

    /// It is done.
    pub async fn done(self) -> Result<(), SftpError> {
        status(self.0.reply().await?)
    }
}

impl Sftp {
    /// What the server takes at once.
    pub async fn limits(&self) -> SftpLimits {
        let asked = self.limits.get_or_init(|| async {
            let told = if self.extensions.limits {
                self.ask_limits().await.ok()
            } else {
                None
            };
            let at_once = |told: u64| u32::try_from(told).unwrap_or(u32::MAX).min(OUR_LIMIT);
            let (read, write) = told.unwrap_or_default();
            SftpLimits {
                read: at_once(read).max(DEFAULT_LIMIT),
                write: at_once(write).max(DEFAULT_LIMIT),
            }
        });
        *asked.await
    }

    /// Where relative paths begin, absolute; none where the server does not say.
    pub async fn login_folder(&self) -> Option<Bytes> {
        let asked = self.login_folder.get_or_init(|| async {
            let told = self.realpath(b".").await.ok();
            told.filter(|folder| folder.first() == Some(&b'/'))
        });
        asked.await.clone()
    }

    async fn ask_limits(&self) -> Result<(u64, u64), SftpError> {
        let name = b"limits@openssh.com";
        let asked = self.ask(|number| Packet::new(EXTENDED, number, 64).string(name));
        match asked.await?.reply().await? {
            Reply::Extended(told) => {
                let mut fields = Fields::new(told);
                let _packet = fields.u64()?;
                Ok((fields.u64()?, fields.u64()?))
            }
            other => Err(refusal(other)),
        }
    }

    /// Whether [`Sftp::replace`] works here.
    pub fn can_replace(&self) -> bool {
        self.extensions.posix_rename
    }

    /// Opens a file; a new one gets `attributes`, less the server's umask.
    pub async fn open(
        &self,
        path: &[u8],
        flags: OpenFlags,
        attributes: Attributes,
    ) -> Result<FileHandle, SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(OPEN, number, path.len() + 32).string(path);
            attributes.write(packet.u32(flags.0))
        });
        handle(asked.await?.reply().await?)
    }

    /// Closes what was opened. Only then is it known that all was written.
    pub async fn close(&self, handle: FileHandle) -> Result<(), SftpError> {
        let asked = self.ask(|number| Packet::new(CLOSE, number, 32).string(&handle.0));
        status(asked.await?.reply().await?)
    }

    /// Asks for `length` bytes from `offset` on.
    pub async fn read(
        &self,
        handle: &FileHandle,
        offset: u64,
        length: u32,
    ) -> Result<OnItsWay, SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(READ, number, 32).string(&handle.0);
            packet.u64(offset).u32(length)
        });
        Ok(OnItsWay(asked.await?))
    }

    /// Writes `data`, at most [`SftpLimits::write`] bytes, at `offset`.
    pub async fn write(
        &self,
        handle: &FileHandle,
        offset: u64,
        data: &[u8],
    ) -> Result<OnItsWay, SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(WRITE, number, data.len() + 64).string(&handle.0);
            packet.u64(offset).string(data)
        });
        Ok(OnItsWay(asked.await?))
    }

    /// The file's attributes; `follows` a link to what it leads to.
    pub async fn stat(&self, path: &[u8], follows: bool) -> Result<Attributes, SftpError> {
        let kind = if follows { STAT } else { LSTAT };
        attributes(self.of_path(kind, path).await?)
    }

    /// The same of an open file.
    pub async fn fstat(&self, handle: &FileHandle) -> Result<Attributes, SftpError> {
        attributes(self.of_path(FSTAT, &handle.0).await?)
    }

    /// Sets what is given of a file's attributes.
    pub async fn setstat(&self, path: &[u8], set: Attributes) -> Result<(), SftpError> {
        let asked = self.ask(|number| set.write(Packet::new(SETSTAT, number, 64).string(path)));
        status(asked.await?.reply().await?)
    }

    /// The same of an open file.
    pub async fn fsetstat(&self, handle: &FileHandle, set: Attributes) -> Result<(), SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(FSETSTAT, number, 64);
            set.write(packet.string(&handle.0))
        });
        status(asked.await?.reply().await?)
    }

    /// All that a folder has but itself and its parent, `most` entries at most; the
    /// flag says that there are more.
    pub async fn list(&self, path: &[u8], most: usize) -> Result<(Vec<Named>, bool), SftpError> {
        let folder = handle(self.of_path(OPENDIR, path).await?)?;
        let listed = self.read_folder(&folder, most).await;
        let closed = self.close(folder).await;
        let listed = listed?;
        closed?;
        Ok(listed)
    }

    async fn read_folder(
        &self,
        folder: &FileHandle,
        most: usize,
    ) -> Result<(Vec<Named>, bool), SftpError> {
        let mut asked = std::collections::VecDeque::new();
        let (mut all, mut empty): (Vec<Named>, usize) = (Vec::new(), 0);
        let mut names_bytes = 0;
        loop {
            while asked.len() < READDIRS_AT_ONCE {
                let ask = |number| Packet::new(READDIR, number, 32).string(&folder.0);
                asked.push_back(self.ask(ask).await?);
            }
            let Some(answer) = asked.pop_front() else {
                return Ok((all, false));
            };
            match answer.reply().await? {
                Reply::Names(names) if names.is_empty() => return Ok((all, false)),
                Reply::Names(names) => {
                    let before = all.len();
                    let is_other = |one: &Named| !matches!(&one.name[..], b"." | b"..");
                    all.extend(names.into_iter().filter(is_other));
                    let came = all.iter().skip(before).map(|one| one.name.len());
                    names_bytes += came.sum::<usize>();
                    empty = if all.len() == before { empty + 1 } else { 0 };
                    if empty > EMPTY_PARTS_MAX {
                        return Err(SftpError::wrong("a folder that never ends"));
                    }
                }
                Reply::Status {
                    code: StatusCode::Eof,
                    ..
                } => return Ok((all, false)),
                other => return Err(refusal(other)),
            }
            if all.len() > most || names_bytes > NAMES_MAX_BYTES {
                all.truncate(most);
                return Ok((all, true));
            }
        }
    }

    /// Deletes what is no folder.
    pub async fn remove(&self, path: &[u8]) -> Result<(), SftpError> {
        status(self.of_path(REMOVE, path).await?)
    }

    /// Deletes an empty folder.
    pub async fn rmdir(&self, path: &[u8]) -> Result<(), SftpError> {
        status(self.of_path(RMDIR, path).await?)
    }

    /// Makes a folder.
    pub async fn mkdir(&self, path: &[u8], attributes: Attributes) -> Result<(), SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(MKDIR, number, path.len() + 32);
            attributes.write(packet.string(path))
        });
        status(asked.await?.reply().await?)
    }

    /// The absolute path without links and dots; what it ends with need not be there.
    pub async fn realpath(&self, path: &[u8]) -> Result<Bytes, SftpError> {
        one_name(self.of_path(REALPATH, path).await?)
    }

    /// Where a link points.
    pub async fn readlink(&self, path: &[u8]) -> Result<Bytes, SftpError> {
        one_name(self.of_path(READLINK, path).await?)
    }

    /// Renames; OpenSSH refuses where something has the name.
    pub async fn rename(&self, from: &[u8], to: &[u8]) -> Result<(), SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(RENAME, number, from.len() + to.len() + 32);
            packet.string(from).string(to)
        });
        status(asked.await?.reply().await?)
    }

    /// Renames over whatever has the name, in one step: rename(2).
    pub async fn replace(&self, from: &[u8], to: &[u8]) -> Result<(), SftpError> {
        let asked = self.ask(|number| {
            let packet = Packet::new(EXTENDED, number, from.len() + to.len() + 64);
            packet
                .string(b"posix-rename@openssh.com")
                .string(from)
                .string(to)
        });
        status(asked.await?.reply().await?)
    }

    /// Has the server write an open file to its disk, if it can: fsync(2).
    pub async fn sync(&self, handle: &FileHandle) -> Result<(), SftpError> {
        if !self.extensions.fsync {
            return Ok(());
        }
        let asked = self.ask(|number| {
            let packet = Packet::new(EXTENDED, number, 64);
            packet.string(b"fsync@openssh.com").string(&handle.0)
        });
        status(asked.await?.reply().await?)
    }

    async fn of_path(&self, kind: u8, path: &[u8]) -> Result<Reply, SftpError> {
        let asked = self.ask(|number| Packet::new(kind, number, path.len() + 8).string(path));
        asked.await?.reply().await
    }
}

fn status(reply: Reply) -> Result<(), SftpError> {
    match reply {
        Reply::Status {
            code: StatusCode::Ok,
            ..
        } => Ok(()),
        other => Err(refusal(other)),
    }
}

fn handle(reply: Reply) -> Result<FileHandle, SftpError> {
    match reply {
        // The draft's own limit.
        Reply::Handle(handle) if handle.len() <= 256 => Ok(FileHandle(handle)),
        Reply::Handle(_) => Err(SftpError::wrong("a handle over 256 bytes")),
        other => Err(refusal(other)),
    }
}

fn attributes(reply: Reply) -> Result<Attributes, SftpError> {
    match reply {
        Reply::Attributes(attributes) => Ok(attributes),
        other => Err(refusal(other)),
    }
}

fn one_name(reply: Reply) -> Result<Bytes, SftpError> {
    match reply {
        Reply::Names(mut names) => names.pop().map(|one| one.name).ok_or_else(odd),
        other => Err(refusal(other)),
    }
}

fn refusal(reply: Reply) -> SftpError {
    match reply {
        Reply::Status { code, words } if code != StatusCode::Ok => {
            SftpError::Status { code, words }
        }
        _ => odd(),
    }
}

fn odd() -> SftpError {
    SftpError::wrong("an answer that does not fit what was asked")
}
