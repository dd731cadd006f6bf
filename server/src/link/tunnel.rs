//! Streams through a link: to a target from the server's side, or from a client of
//! what the server listens on for us.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

use super::closing_writer::{CLOSE_WAIT, ClosingWriter};
use super::error::LinkError;

/// What may come of a stream that was let go before it is closed for good, in bytes.
const LATE_MAX: usize = 256 << 10;

/// An open stream. Dropped, it is closed, both halves at once; russh then keeps a part
/// of it until the link ends, so what is over is to be let go.
#[derive(Debug)]
pub struct Tunnel {
    /// What comes from the other side. It must be read always: a link has no
    /// back-pressure of its own for one stream, so what is not read stops all.
    pub reader: TunnelReader,
    /// What goes there.
    pub writer: TunnelWriter,
}

/// The reading half.
#[derive(Debug)]
pub struct TunnelReader {
    half: ChannelReadHalf,
    closed: CancellationToken,
    /// The same, waited for once and not anew for each message.
    ending: Pin<Box<WaitForCancellationFutureOwned>>,
}

/// The writing half; closes the stream when dropped.
#[derive(Debug)]
pub struct TunnelWriter {
    half: ClosingWriter,
    closed: CancellationToken,
    /// Our end of it was sent.
    is_ended: AtomicBool,
}

/// What came next.
#[derive(Debug, PartialEq, Eq)]
pub enum Came {
    /// Bytes.
    Data(Bytes),
    /// Their end; the other direction may go on.
    Eof,
    /// The other side closed the stream.
    Closed,
    /// The link is gone, and with it perhaps some of what was sent.
    Lost,
}

impl Tunnel {
    pub(super) fn new(
        channel: Channel<Msg>,
        tasks: TaskTracker,
        closed: CancellationToken,
    ) -> Self {
        let (reader, writer) = channel.split();
        Self {
            reader: TunnelReader {
                half: reader,
                ending: Box::pin(closed.clone().cancelled_owned()),
                closed: closed.clone(),
            },
            writer: TunnelWriter {
                half: ClosingWriter::new(writer, None, tasks),
                closed,
                is_ended: AtomicBool::new(false),
            },
        }
    }

    /// Lets go of a stream that nobody needs any more. It is ended, and the server
    /// closes it; what still comes is dropped. It is closed from here when that takes
    /// long, or much still comes.
    pub fn let_go(self) {
        let Self { mut reader, writer } = self;
        let tasks = writer.half.tasks().clone();
        tasks.spawn(async move {
            let closing = async {
                if !writer.is_ended.load(Ordering::Relaxed) && writer.eof().await.is_err() {
                    return;
                }
                let mut late = 0;
                while late <= LATE_MAX {
                    match reader.next().await {
                        Came::Data(data) => late += data.len(),
                        Came::Eof => {}
                        Came::Closed | Came::Lost => return,
                    }
                }
            };
            if tokio::time::timeout(CLOSE_WAIT, closing).await.is_err() {
                tracing::debug!("the server left a stream open");
            }
            drop(writer);
        });
    }
}

impl TunnelReader {
    /// Waits for the next. Nothing is lost when that is given up.
    pub async fn next(&mut self) -> Came {
        loop {
            let message = tokio::select! {
                biased;
                message = self.half.wait() => message,
                // A link that is dropped for another lives as long as it is held.
                () = &mut self.ending => return Came::Lost,
            };
            return match message {
                Some(ChannelMsg::Data { data }) => Came::Data(data),
                Some(ChannelMsg::Eof) => Came::Eof,
                Some(ChannelMsg::Close) => Came::Closed,
                Some(_) => continue,
                None if self.closed.is_cancelled() => Came::Lost,
                None => Came::Closed,
            };
        }
    }
}

impl TunnelWriter {
    /// Sends all of it as the window allows. To be waited for to its end: given up
    /// half-way, some of it is sent.
    pub async fn send(&self, data: Bytes) -> Result<(), LinkError> {
        self.unless_lost(self.half.data_bytes(data)).await
    }

    /// Ends this direction.
    pub async fn eof(&self) -> Result<(), LinkError> {
        self.is_ended.store(true, Ordering::Relaxed);
        self.unless_lost(self.half.eof()).await
    }

    /// A writer that waits for window would wait for ever once the link is gone.
    async fn unless_lost(
        &self,
        sending: impl Future<Output = Result<(), russh::Error>>,
    ) -> Result<(), LinkError> {
        let sent = tokio::select! {
            biased;
            () = self.closed.cancelled() => return Err(LinkError::Lost("it was closed".into())),
            sent = sending => sent,
        };
        sent.map_err(|error| LinkError::Lost(schema::Fault::chain(&error)))
    }
}
