//! Opening session channels. One more than is needed stands open, so that the
//! next command costs one round trip and not two.

use std::sync::Arc;

use super::connection::Connection;
use super::error::LinkError;
use super::places::Place;
use super::session_channel::SessionChannel;

impl Connection {
    /// A session channel: the one that stands ready, else a new one, on a link
    /// that is known to live. Given up while it is opened, it is closed again.
    pub(super) async fn open_session(self: &Arc<Self>) -> Result<SessionChannel, LinkError> {
        if let Some(ready) = self.sessions().take_spare() {
            self.be_heard().await?;
            return Ok(ready);
        }
        let places = &self.sessions().places;
        let place = places.ask().ok_or_else(|| LinkError::NoPlace {
            most: places.most().unwrap_or_default(),
        })?;
        let this = Arc::clone(self);
        self.as_task(async move { this.ask_for(place, false).await })
            .await
    }

    /// Opens the next command's channel, unless it is there. Nobody waits for
    /// that; what prevents it is met again, and told, by who needs a channel.
    pub(crate) fn keep_spare(self: &Arc<Self>) {
        let Some(place) = self.sessions().places.ask_spare() else {
            return;
        };
        let this = Arc::clone(self);
        self.sessions().tasks.spawn(async move {
            match this.ask_for(place, true).await {
                Ok(ready) => this.sessions().keep(ready),
                Err(error) => tracing::debug!(%error, "no channel stands ready"),
            }
        });
    }

    async fn ask_for(&self, mut place: Place, spare: bool) -> Result<SessionChannel, LinkError> {
        let opening = self.handle().channel_open_session();
        match self.unless_closed(opening).await? {
            Ok(channel) => {
                place.granted(spare);
                let tasks = self.sessions().tasks.clone();
                Ok(SessionChannel::new(channel, place, tasks))
            }
            Err(russh::Error::ChannelOpenFailure(why)) => Err(match place.refused() {
                Some(most) => LinkError::NoPlace { most },
                None => LinkError::ChannelRefused(format!("{why:?}")),
            }),
            Err(other) => Err(LinkError::Lost(schema::Fault::chain(&other))),
        }
    }
}
