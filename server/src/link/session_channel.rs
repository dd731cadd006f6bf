//! The session channels of one link (RFC 4254 section 6.1), and the one that
//! stands ready.

use std::sync::{Arc, Mutex, PoisonError};

use futures::FutureExt;
use russh::client::Msg;
use russh::{Channel, ChannelMsg};
use tokio_util::task::TaskTracker;

use super::places::{Place, Places};

/// An open session channel on which nothing was asked for yet.
#[derive(Debug)]
pub(super) struct SessionChannel {
    pub(super) channel: Channel<Msg>,
    /// Given back when the channel is closed.
    pub(super) place: Place,
}

/// The session channels of one link.
#[derive(Debug)]
pub(super) struct SessionChannels {
    pub(super) places: Arc<Places>,
    spare: Mutex<Option<SessionChannel>>,
    /// Those who open a spare one; they end with the link.
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
        if !is_open(&mut ready.channel) {
            return None;
        }
        ready.place.used();
        Some(ready)
    }

    /// Keeps `ready` for the next command.
    pub(super) fn keep(&self, ready: SessionChannel) {
        let mut spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner);
        *spare = Some(ready);
    }
}

/// Whether the server has said nothing that ends the channel.
fn is_open(channel: &mut Channel<Msg>) -> bool {
    loop {
        match channel.wait().now_or_never() {
            None => return true,
            Some(None | Some(ChannelMsg::Close | ChannelMsg::Eof)) => return false,
            Some(Some(_)) => {}
        }
    }
}
