//! The client's handle, and the two tasks behind it: one sends what is asked, one
//! hands the answers out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::sync::{OnceCell, mpsc};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::error::SftpError;
use super::frames::Frames;
use super::pending::{Answer, Pending};
use super::reply::Reply;
use super::wire::Packet;
use crate::link::closing_writer::ClosingWriter;

/// Requests that wait to be sent; each has 256 KiB at most.
pub(super) const QUEUE: usize = 16;

/// What is on its way at once to a host nearby, in bytes.
const NEAR_BYTES: usize = 4 << 20;

/// How long a server may take for an answer: a file system of its own may hang, and
/// then its SFTP does with all that is asked.
const ANSWER_WAIT: Duration = Duration::from_mins(1);

/// What a server can do beyond version 3.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Extensions {
    pub(super) posix_rename: bool,
    pub(super) fsync: bool,
    pub(super) limits: bool,
}

/// What a server takes, in bytes; the draft's 32 KiB where it does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SftpLimits {
    /// Of one read.
    pub read: u32,
    /// Of one write.
    pub write: u32,
}

/// An SFTP client on a session channel of its own. Its requests may be made at once;
/// the channel ends when it is dropped.
#[derive(Debug)]
pub struct Sftp {
    pending: Arc<Pending>,
    requests: mpsc::Sender<Bytes>,
    pub(super) extensions: Extensions,
    pub(super) limits: OnceCell<SftpLimits>,
    pub(super) login_folder: OnceCell<Option<Bytes>>,
    in_flight: usize,
    used_at: Mutex<Instant>,
    _ending: DropGuard,
}

/// The channel, once the server has said its version.
pub(super) struct Begun {
    pub(super) reader: ChannelReadHalf,
    pub(super) writer: ClosingWriter,
    pub(super) frames: Frames,
    pub(super) extensions: Extensions,
    /// The link's end.
    pub(super) closed: CancellationToken,
    /// From our first packet to the server's: a round trip, and its start.
    pub(super) round_trip: Duration,
    /// The link's small tasks.
    pub(super) tasks: TaskTracker,
}

impl Sftp {
    pub(super) fn new(begun: Begun) -> Self {
        let pending = Arc::new(Pending::default());
        let ending = CancellationToken::new();
        let (requests, asked) = mpsc::channel(QUEUE);
        let ends = (ending.clone(), begun.closed.clone());
        let sending = begun.tasks.spawn(send(
            begun.writer,
            asked,
            ends.clone(),
            Arc::clone(&pending),
        ));
        let receiving = begun.tasks.spawn(receive(
            begun.reader,
            begun.frames,
            ends,
            Arc::clone(&pending),
        ));
        begun.tasks.spawn(async move {
            if let (Ok(writer), Ok(reader)) = tokio::join!(sending, receiving)
                && writer.eof().await.is_ok()
            {
                writer.finish(reader);
            }
        });
        Self {
            pending,
            requests,
            extensions: begun.extensions,
            limits: OnceCell::new(),
            login_folder: OnceCell::new(),
            in_flight: in_flight(begun.round_trip),
            used_at: Mutex::new(Instant::now()),
            _ending: ending.drop_guard(),
        }
    }

    /// How many bytes of reads or writes of one file should be on their way at once.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Whether a round trip there takes long.
    pub fn is_far(&self) -> bool {
        self.in_flight > NEAR_BYTES
    }

    /// Whether no request can be answered any more.
    pub(super) fn is_over(&self) -> bool {
        self.pending.ended().is_some()
    }

    /// How long nothing was asked.
    pub(super) fn idle_for(&self) -> Duration {
        self.used_at().elapsed()
    }

    /// Sends a request; it is on its way when this returns, in the order of calls.
    pub(super) async fn ask(&self, make: impl FnOnce(u32) -> Packet) -> Result<Answer, SftpError> {
        *self.used_at() = Instant::now();
        let answer = self.pending.begin()?;
        let packet = make(answer.number()).done();
        if self.requests.send(packet).await.is_err() {
            let ended = self.pending.ended();
            return Err(ended.unwrap_or_else(|| SftpError::Lost("it was closed".into())));
        }
        Ok(answer)
    }

    fn used_at(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.used_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fast line carries within a round trip, and some more for the server's disk.
/// A server on this machine starts within some milliseconds.
fn in_flight(round_trip: Duration) -> usize {
    match round_trip.as_millis() {
        0..20 => NEAR_BYTES,
        _ => 16 << 20,
    }
}

async fn send(
    writer: ClosingWriter,
    mut asked: mpsc::Receiver<Bytes>,
    (ending, closed): (CancellationToken, CancellationToken),
    pending: Arc<Pending>,
) -> ClosingWriter {
    let sending = async {
        while let Some(packet) = asked.recv().await {
            if let Err(error) = writer.data_bytes(packet).await {
                pending.end(SftpError::Lost(schema::Fault::chain(&error)));
                return;
            }
        }
    };
    // A writer that waits for window would wait for ever once the link is gone.
    tokio::select! {
        biased;
        () = ending.cancelled() => {}
        () = closed.cancelled() => {}
        () = sending => {}
    }
    writer
}

/// Nothing was answered for [`ANSWER_WAIT`] though something was asked.
async fn unanswered(pending: &Pending) {
    let mut seen = pending.answered();
    loop {
        tokio::time::sleep(ANSWER_WAIT).await;
        let now = pending.answered();
        if now == seen && pending.waits_since_long(ANSWER_WAIT) {
            return;
        }
        seen = now;
    }
}

async fn receive(
    mut reader: ChannelReadHalf,
    mut frames: Frames,
    (ending, closed): (CancellationToken, CancellationToken),
    pending: Arc<Pending>,
) -> ChannelReadHalf {
    let receiving = async {
        loop {
            while let Some(packet) = frames.next()? {
                let (number, reply) = Reply::read(packet)?;
                pending.answer(number, reply)?;
            }
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => frames.add(&data),
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    let words = "the server ended SFTP";
                    return Err::<(), _>(SftpError::Lost(words.into()));
                }
                Some(_) => {}
            }
        }
    };
    let why = tokio::select! {
        biased;
        () = ending.cancelled() => SftpError::Lost("it was closed".into()),
        () = closed.cancelled() => SftpError::Lost("the session's link was lost".into()),
        () = unanswered(&pending) => {
            let words = format!("SFTP answered nothing for {} s", ANSWER_WAIT.as_secs());
            SftpError::Lost(words)
        }
        received = receiving => match received {
            Err(why) => why,
            Ok(()) => return reader,
        },
    };
    if let SftpError::Protocol(words) = &why {
        tracing::warn!(words, "the server's SFTP was given up");
    }
    pending.end(why);
    // What is being sent will not be answered.
    ending.cancel();
    reader
}
