//! The session channels of one link (RFC 4254 section 6.1), and the one that
//! stands ready.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf};
use tokio_util::task::TaskTracker;

use super::closing_writer::ClosingWriter;
use super::error::LinkError;
use super::places::{Place, Places};

/// An open session channel on which nothing was asked for yet.
#[derive(Debug)]
pub(super) struct SessionChannel {
    pub(super) reader: ChannelReadHalf,
    pub(super) writer: ClosingWriter,
}

impl SessionChannel {
    /// One that the server has just opened, on a link whose small tasks are
    /// `tasks`.
    pub(super) fn new(channel: Channel<Msg>, place: Place, tasks: TaskTracker) -> Self {
        let (reader, half) = channel.split();
        let writer = ClosingWriter::new(half, Some(place), tasks);
        Self { reader, writer }
    }
}

/// The session channels of one link.
#[derive(Debug)]
pub(super) struct SessionChannels {
    pub(super) places: Arc<Places>,
    spare: Mutex<Option<SessionChannel>>,
    /// What opens and closes channels, and looks for processes; whoever waits for
    /// that may go away. They end with the link.
    pub(super) tasks: TaskTracker,
}

impl SessionChannels {
    pub(super) fn new() -> Self {
        Self {
            places: Places::new(),
            spare: Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// The channel that stands ready, if the server left it open.
    pub(super) fn take_spare(&self) -> Option<SessionChannel> {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ready = spare.take()?;
        if !is_open(&mut ready.reader) {
            return None;
        }
        ready.writer.used();
        Some(ready)
    }

    /// Keeps `ready` for the next command.
    pub(super) fn keep(&self, ready: SessionChannel) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = Some(ready);
    }
}

/// The server's yes or no to the oldest open request.
pub(super) async fn answered(reader: &mut ChannelReadHalf) -> Result<bool, LinkError> {
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Success) => return Ok(true),
            Some(ChannelMsg::Failure) => return Ok(false),
            Some(_) => {}
            None => return Err(LinkError::Lost("the channel closed".into())),
        }
    }
}

/// Whether the server has said nothing that ends the channel.
fn is_open(reader: &mut ChannelReadHalf) -> bool {
    loop {
        match reader.wait().now_or_never() {
            None => return true,
            Some(None | Some(ChannelMsg::Close | ChannelMsg::Eof)) => return false,
            Some(Some(_)) => {}
        }
    }
}
