//! The writing half of a channel. russh closes no channel by itself, so what is
//! dropped here is closed.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio_util::task::TaskTracker;

use super::places::Place;

/// How long a server may take to close a channel that has come to its end.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(5);

/// The half, and the place of a session channel. Dropped, it closes the channel,
/// whoever gave it up, and then gives the place back.
#[derive(Debug)]
pub(super) struct ClosingWriter {
    half: Arc<ChannelWriteHalf<Msg>>,
    place: Option<Place>,
    tasks: TaskTracker,
}

impl ClosingWriter {
    /// `tasks` are the small tasks of its link.
    pub(super) fn new(
        half: ChannelWriteHalf<Msg>,
        place: Option<Place>,
        tasks: TaskTracker,
    ) -> Self {
        Self {
            half: Arc::new(half),
            place,
            tasks,
        }
    }

    /// The small tasks of its link.
    pub(super) fn tasks(&self) -> &TaskTracker {
        &self.tasks
    }

    /// Lets go of a channel that has come to its end, once the server has closed it:
    /// of one that we close first russh keeps a part until the link ends.
    pub(super) fn finish(self, mut reader: ChannelReadHalf) {
        let tasks = self.tasks.clone();
        tasks.spawn(async move {
            let closing = async {
                while let Some(message) = reader.wait().await {
                    if matches!(message, ChannelMsg::Close) {
                        return;
                    }
                }
            };
            if tokio::time::timeout(CLOSE_WAIT, closing).await.is_err() {
                tracing::debug!("the server left a channel open");
            }
            drop(self);
        });
    }

    /// The channel that stood ready has a user now.
    pub(super) fn used(&mut self) {
        if let Some(place) = &mut self.place {
            place.used();
        }
    }
}

impl Deref for ClosingWriter {
    type Target = ChannelWriteHalf<Msg>;

    fn deref(&self) -> &ChannelWriteHalf<Msg> {
        &self.half
    }
}

impl Drop for ClosingWriter {
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
