//! Reading a part of a file, with many requests on their way.

use std::collections::VecDeque;

use bytes::Bytes;

use super::error::FileError;
use super::path::RemotePath;
use crate::link::{Attributes, FileHandle, FileKind, OnItsWay, OpenFlags, Sftp, SftpError};

/// A part of a file.
#[derive(Debug)]
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Of all of the file, as far as the server says.
    pub attributes: Attributes,
    /// Nothing follows.
    pub is_end: bool,
}

/// Reads at most `length` bytes from `offset` on.
pub async fn read(
    sftp: &Sftp,
    path: &RemotePath,
    offset: u64,
    length: u64,
) -> Result<Piece, FileError> {
    // To open a pipe would wait for its other end.
    if let Ok(found) = sftp.stat(path.bytes(), true).await
        && found.kind() == FileKind::Other
    {
        return Err(FileError::Kind {
            path: path.to_string(),
            is: "no regular file",
            next: "ssh_exec reads devices and pipes",
        });
    }
    let opened = sftp.open(path.bytes(), OpenFlags::READ, Attributes::default());
    let file = match opened.await {
        Ok(file) => file,
        Err(error) => return Err(FileError::at(path)(error)),
    };
    let read = piece(sftp, path, &file, offset, length).await;
    // What was read was read.
    if let Err(error) = sftp.close(file).await {
        tracing::debug!(%error, %path, "a file that was read does not close");
    }
    read
}

async fn piece(
    sftp: &Sftp,
    path: &RemotePath,
    file: &FileHandle,
    offset: u64,
    length: u64,
) -> Result<Piece, FileError> {
    let attributes = sftp.fstat(file).await.map_err(FileError::at(path))?;
    if attributes.kind() == FileKind::Folder {
        return Err(FileError::Kind {
            path: path.to_string(),
            is: "a folder",
            next: "ssh_file_list lists it",
        });
    }
    // One byte more says whether that is the end.
    let wanted = length.saturating_add(1);
    let mut reading = Reading::new(sftp, file, offset, wanted, attributes.size).await;
    let mut bytes = Vec::new();
    while let Some(data) = reading.next().await.map_err(FileError::at(path))? {
        bytes.extend_from_slice(&data);
    }
    let is_end = (bytes.len() as u64) < wanted;
    bytes.truncate(usize::try_from(length).unwrap_or(usize::MAX));
    Ok(Piece {
        bytes,
        attributes,
        is_end,
    })
}

/// The bytes of an open file in their order, with many requests on their way.
pub(super) struct Reading<'a> {
    sftp: &'a Sftp,
    file: &'a FileHandle,
    offset: u64,
    wanted: u64,
    /// Of the file, where the server says one.
    size: Option<u64>,
    at_once: u64,
    asked: VecDeque<(u64, u64, OnItsWay)>,
    /// The next that is to be asked for, from `offset` on.
    next: u64,
    on_way: u64,
    is_over: bool,
}

impl<'a> Reading<'a> {
    /// At most `wanted` bytes from `offset` on.
    pub(super) async fn new(
        sftp: &'a Sftp,
        file: &'a FileHandle,
        offset: u64,
        wanted: u64,
        size: Option<u64>,
    ) -> Self {
        Self {
            sftp,
            file,
            offset,
            wanted,
            // Files of /proc say that they have none.
            size: size.filter(|size| *size > 0),
            at_once: u64::from(sftp.limits().await.read),
            asked: VecDeque::new(),
            next: 0,
            on_way: 0,
            is_over: false,
        }
    }

    /// The next bytes; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, SftpError> {
        self.ask().await?;
        let Some((at, length, answer)) = self.asked.pop_front() else {
            return Ok(None);
        };
        self.on_way -= length;
        let Some(data) = answer.data().await? else {
            self.end();
            return Ok(None);
        };
        let came = data.len() as u64;
        if came == 0 || came > length {
            return Err(SftpError::Protocol("a read of another length".into()));
        }
        if came < length {
            // What follows was asked for from further on.
            self.asked.clear();
            (self.next, self.on_way) = (at + came, 0);
            if self
                .size
                .is_some_and(|size| self.offset + at + came >= size)
            {
                self.end();
            }
        }
        Ok(Some(data))
    }

    /// As much as the file has and the line takes is on its way.
    async fn ask(&mut self) -> Result<(), SftpError> {
        // Beyond what the server says of its size one request looks for more.
        let known = self.size.map_or(0, |size| size.saturating_sub(self.offset));
        while !self.is_over && self.next < self.wanted {
            let window = if self.next < known {
                self.sftp.in_flight() as u64
            } else {
                1
            };
            if self.on_way >= window {
                return Ok(());
            }
            let length = self.at_once.min(self.wanted - self.next);
            let part = u32::try_from(length).unwrap_or(u32::MAX);
            let at = self.offset + self.next;
            let asked = self.sftp.read(self.file, at, part).await?;
            self.asked.push_back((self.next, length, asked));
            (self.next, self.on_way) = (self.next + length, self.on_way + length);
        }
        Ok(())
    }

    fn end(&mut self) {
        self.is_over = true;
        self.asked.clear();
    }
}
