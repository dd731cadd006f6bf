//! A living, authenticated link.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{Channel, Disconnect};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::client::{Client, Found};
use super::error::LinkError;
use super::plan::Hop;

/// What is known of a link, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user that was logged in.
    pub user: String,
    /// Directives of `ssh_config` that were not honoured, with where.
    pub ssh_config_ignored: Vec<String>,
    /// Fingerprint, `SHA256:...`.
    pub host_key: String,
    /// Key exchange algorithm.
    pub kex: String,
    /// Cipher.
    pub cipher: String,
    /// The server's identification string, RFC 4253 section 4.2.
    pub server_version: String,
}

/// An authenticated link. Shared by everything that runs on it; ends when the
/// server goes, when it is closed, or when the last holder lets go.
pub struct Connection {
    handle: Handle<Client>,
    address: Address,
    user: String,
    ssh_config_ignored: Vec<String>,
    found: Arc<Found>,
    closed: CancellationToken,
    round_trip: Duration,
}

impl Connection {
    pub(super) fn new(
        handle: Handle<Client>,
        hop: &Hop,
        found: Arc<Found>,
        closed: CancellationToken,
        round_trip: Duration,
    ) -> Self {
        Self {
            handle,
            address: hop.address.clone(),
            user: hop.user.clone(),
            ssh_config_ignored: hop.ignored.clone(),
            found,
            closed,
            round_trip,
        }
    }

    /// The address that answered.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// What is known of it.
    pub fn facts(&self) -> Facts {
        let text = |cell: &std::sync::OnceLock<String>| cell.get().cloned().unwrap_or_default();
        Facts {
            user: self.user.clone(),
            ssh_config_ignored: self.ssh_config_ignored.clone(),
            host_key: text(&self.found.host_key),
            kex: text(&self.found.kex),
            cipher: text(&self.found.cipher),
            server_version: text(&self.found.server_version),
        }
    }

    /// How long connecting took: one round trip.
    pub fn round_trip(&self) -> Duration {
        self.round_trip
    }

    /// Fires when the link has ended, in whatever way.
    pub fn closed(&self) -> &CancellationToken {
        &self.closed
    }

    /// Why it ended; meaningful once [`Connection::closed`] fired.
    pub fn end_reason(&self) -> String {
        self.found
            .ended
            .get()
            .cloned()
            .unwrap_or_else(|| "it was closed".into())
    }

    /// Says goodbye; [`Connection::closed`] fires soon after.
    pub async fn close(&self) {
        let goodbye = self.handle.disconnect(Disconnect::ByApplication, "", "");
        // A link that is stuck is dropped by its holders a moment later.
        let said = tokio::time::timeout(Duration::from_millis(200), goodbye).await;
        if !matches!(said, Ok(Ok(()))) {
            tracing::debug!(address = %self.address, "the link ended before its goodbye");
        }
    }

    /// Opens a session channel (RFC 4254 section 6.1).
    pub(super) async fn open_session(&self) -> Result<Channel<Msg>, LinkError> {
        let opening = self.handle.channel_open_session();
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(self.lost()),
            opened = opening => opened.map_err(|error| match error {
                russh::Error::ChannelOpenFailure(why) => LinkError::ChannelRefused(format!("{why:?}")),
                other => LinkError::Lost(schema::Fault::chain(&other)),
            }),
        }
    }

    /// The error for what was cut off.
    pub(super) fn lost(&self) -> LinkError {
        LinkError::Lost(self.end_reason())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
