//! Has the server listen for us (RFC 4254 section 7.1).

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::error::LinkError;
use super::listeners::{Arrival, Listing};

/// How long a server may take to say whether it listens.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// How long a server may take to stop.
const STOP_WAIT: Duration = Duration::from_secs(5);

/// What a server listens on; it stops when this is dropped.
#[derive(Debug)]
pub struct RemoteListener {
    connection: Arc<Connection>,
    address: String,
    port: u16,
    arrivals: mpsc::Receiver<Arrival>,
    is_stopped: bool,
    _listing: Listing,
}

impl RemoteListener {
    /// As asked for, or as the server chose.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Has the server stop, and waits until it has, for a few seconds at most.
    pub async fn stop(mut self) {
        self.is_stopped = true;
        let address = std::mem::take(&mut self.address);
        self.connection.stop_listening(address, self.port).await;
    }

    /// Waits until the link is gone.
    pub async fn gone(&self) {
        self.connection.closed().cancelled().await;
    }

    /// Who comes next; none when the link is gone.
    pub async fn accept(&mut self) -> Option<Arrival> {
        tokio::select! {
            biased;
            () = self.connection.closed().cancelled() => None,
            arrival = self.arrivals.recv() => arrival,
        }
    }
}

impl Drop for RemoteListener {
    fn drop(&mut self) {
        // Without a runtime the link is gone, or about to be.
        if self.is_stopped || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let connection = Arc::clone(&self.connection);
        let (address, port) = (std::mem::take(&mut self.address), self.port);
        self.connection.listeners().tasks.spawn(async move {
            connection.stop_listening(address, port).await;
        });
    }
}

impl Connection {
    /// Has the server listen on `address`, `port`; 0 lets it choose. Given up, it
    /// stops again.
    pub async fn listen(
        self: &Arc<Self>,
        address: &str,
        port: u16,
    ) -> Result<RemoteListener, LinkError> {
        let (this, address) = (Arc::clone(self), address.to_owned());
        self.as_task(async move { this.ask_to_listen(address, port).await })
            .await
    }

    async fn ask_to_listen(
        self: Arc<Self>,
        address: String,
        port: u16,
    ) -> Result<RemoteListener, LinkError> {
        let deadline = Instant::now() + ANSWER_WAIT;
        self.be_heard_by(deadline).await?;
        // Somebody may come before the answer does.
        let (listing, arrivals) = self.listeners().list(&address, port);
        let asking = self.handle().tcpip_forward(address.as_str(), port.into());
        let asking = timeout_at(deadline, asking);
        let chosen = match self.unless_closed(asking).await? {
            Ok(Ok(chosen)) => chosen,
            Ok(Err(russh::Error::RequestDenied)) => {
                return Err(LinkError::ListenRefused { address, port });
            }
            Ok(Err(other)) => return Err(LinkError::Lost(schema::Fault::chain(&other))),
            Err(_late) => {
                // It may agree yet, and nobody would want that any more.
                let (this, address) = (Arc::clone(&self), address.clone());
                let later = async move { this.stop_listening(address, port).await };
                self.listeners().tasks.spawn(later);
                let words = "the server does not say whether it listens";
                return Err(LinkError::Lost(words.into()));
            }
        };
        let port = match u16::try_from(chosen) {
            Ok(chosen) if port == 0 && chosen > 0 => chosen,
            _ if port > 0 => port,
            _ => return Err(LinkError::ListenRefused { address, port }),
        };
        listing.has_port(port);
        Ok(RemoteListener {
            connection: self,
            address,
            port,
            arrivals,
            is_stopped: false,
            _listing: listing,
        })
    }

    async fn stop_listening(&self, address: String, port: u16) {
        let asking = self.handle().cancel_tcpip_forward(address, port.into());
        tokio::select! {
            biased;
            () = self.closed().cancelled() => {}
            stopped = tokio::time::timeout(STOP_WAIT, asking) => if !matches!(stopped, Ok(Ok(()))) {
                tracing::debug!(port, "the server may listen until its link ends");
            },
        }
    }
}
