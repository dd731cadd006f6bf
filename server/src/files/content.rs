//! What is written to a file of a host.

use std::collections::VecDeque;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::tally::FileBytes;
use crate::link::{FileHandle, OnItsWay, Sftp, SftpError};

/// What is read from a local file at once, in bytes.
const READ_AT_ONCE: usize = 1 << 20;

/// A file that is worth more than one channel, in bytes.
const LARGE_BYTES: u64 = 8 << 20;

/// All of a file's bytes.
#[derive(Debug, Clone)]
pub enum Content {
    /// In memory.
    Bytes(Bytes),
    /// Of an open file on this machine, from its beginning to its end.
    File(Arc<File>),
}

/// An open file, by one of the channels that write to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane<'a> {
    pub(super) sftp: &'a Sftp,
    pub(super) file: &'a FileHandle,
}

impl Content {
    /// Whether more than one channel would write it sooner.
    pub(super) fn is_large(&self) -> bool {
        let size = match self {
            Self::Bytes(bytes) => Some(bytes.len() as u64),
            Self::File(file) => file.metadata().ok().map(|found| found.len()),
        };
        size.is_some_and(|size| size >= LARGE_BYTES)
    }

    /// Writes all of it from `offset` on, with as much on its way as the link wants,
    /// and waits until the server has it; how many bytes it was. `sent` counts along.
    pub(super) async fn write(
        &self,
        lanes: &[Lane<'_>],
        offset: u64,
        sent: &FileBytes,
    ) -> Result<u64, SftpError> {
        let mut writing = Writing {
            lanes: Vec::new(),
            turn: 0,
            at: offset,
            sent,
        };
        for lane in lanes {
            writing.lanes.push(OnLane {
                lane: *lane,
                at_once: usize::try_from(lane.sftp.limits().await.write).unwrap_or(usize::MAX),
                asked: VecDeque::new(),
                on_way: 0,
            });
        }
        match self {
            Self::Bytes(bytes) => writing.send(bytes).await?,
            Self::File(local) => {
                let mut read = 0;
                let mut next = read_at(local, read);
                loop {
                    let piece = next.await.map_err(|panic| broke(&panic))??;
                    if piece.is_empty() {
                        break;
                    }
                    read += piece.len() as u64;
                    next = read_at(local, read);
                    writing.send(&piece).await?;
                }
            }
        }
        writing.done().await?;
        Ok(writing.at - offset)
    }
}

/// A write that goes on.
struct Writing<'a> {
    lanes: Vec<OnLane<'a>>,
    turn: usize,
    at: u64,
    sent: &'a FileBytes,
}

struct OnLane<'a> {
    lane: Lane<'a>,
    at_once: usize,
    asked: VecDeque<(usize, OnItsWay)>,
    on_way: usize,
}

impl Writing<'_> {
    /// Sends it, in turns.
    async fn send(&mut self, mut data: &[u8]) -> Result<(), SftpError> {
        while !data.is_empty() {
            let count = self.lanes.len();
            let Some(lane) = self.lanes.get_mut(self.turn) else {
                return Err(SftpError::Local("no channel to write on".into()));
            };
            let (piece, rest) = data.split_at(lane.at_once.min(data.len()));
            let at_most = lane.lane.sftp.in_flight().saturating_sub(piece.len());
            lane.done(at_most, self.sent).await?;
            let asked = lane.lane.sftp.write(lane.lane.file, self.at, piece).await?;
            lane.asked.push_back((piece.len(), asked));
            lane.on_way += piece.len();
            self.at += piece.len() as u64;
            self.turn = (self.turn + 1) % count;
            data = rest;
        }
        Ok(())
    }

    async fn done(&mut self) -> Result<(), SftpError> {
        for lane in &mut self.lanes {
            lane.done(0, self.sent).await?;
        }
        Ok(())
    }
}

impl OnLane<'_> {
    /// Waits until at most so many bytes are on their way.
    async fn done(&mut self, at_most: usize, sent: &FileBytes) -> Result<(), SftpError> {
        while self.on_way > at_most {
            let Some((length, answer)) = self.asked.pop_front() else {
                return Ok(());
            };
            answer.done().await?;
            self.on_way -= length;
            sent.add(length as u64);
        }
        Ok(())
    }
}

fn read_at(file: &Arc<File>, offset: u64) -> JoinHandle<Result<Vec<u8>, SftpError>> {
    let file = Arc::clone(file);
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; READ_AT_ONCE];
        let count = file
            .read_at(&mut piece, offset)
            .map_err(|error| broke(&error))?;
        piece.truncate(count);
        Ok(piece)
    })
}

/// The local side of it failed.
fn broke(error: &dyn std::error::Error) -> SftpError {
    SftpError::Local(format!("the local file cannot be read: {error}"))
}
