//! The session channels of one link (RFC 4254 section 6.1), and the one that
//! stands ready. russh closes none by itself, so what is dropped here is closed.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio_util::task::TaskTracker;

use super::places::{Place, Places};

/// An open session channel on which nothing was asked for yet.
#[derive(Debug)]
pub(super) struct SessionChannel {
    pub(super) reader: ChannelReadHalf,
    pub(super) writer: SessionWriter,
}

/// The writing half of a session channel, and its place. Dropped, it closes the
/// channel, whoever gave it up, and then gives the place back.
#[derive(Debug)]
pub(super) struct SessionWriter {
    half: Arc<ChannelWriteHalf<Msg>>,
    place: Option<Place>,
    tasks: TaskTracker,
}

impl SessionChannel {
    /// One that the server has just opened, on a link whose small tasks are
    /// `tasks`.
    pub(super) fn new(channel: Channel<Msg>, place: Place, tasks: TaskTracker) -> Self {
        let (reader, half) = channel.split();
        let writer = SessionWriter {
            half: Arc::new(half),
            place: Some(place),
            tasks,
        };
        Self { reader, writer }
    }
}

impl Deref for SessionWriter {
    type Target = ChannelWriteHalf<Msg>;

    fn deref(&self) -> &ChannelWriteHalf<Msg> {
        &self.half
    }
}

impl Drop for SessionWriter {
    fn drop(&mut self) {
        // Without a runtime the link is gone, or about to be.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (half, place) = (Arc::clone(&self.half), self.place.take());
        self.tasks.spawn(async move {
            if let Err(error) = half.close().await {
                tracing::debug!(%error, "the link ended before its channel");
            }
            drop(place);
        });
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
        if let Some(place) = &mut ready.writer.place {
            place.used();
        }
        Some(ready)
    }

    /// Keeps `ready` for the next command.
    pub(super) fn keep(&self, ready: SessionChannel) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = Some(ready);
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
