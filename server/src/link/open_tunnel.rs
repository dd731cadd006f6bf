//! Has the server connect to a TCP or Unix target (RFC 4254 section 7.2; OpenSSH's
//! PROTOCOL, section 2.4).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::connection::Connection;
use super::error::LinkError;
use super::session_channel::SessionChannel;
use super::tunnel::Tunnel;
use super::tunnel_target::TunnelTarget;

/// How long `true` may take.
const NO_DELAY_WAIT: Duration = Duration::from_secs(2);

impl Connection {
    /// A stream to `target`, for a client at `originator`, within `limit`. Given up
    /// while it is opened, it is closed again.
    pub async fn open_tunnel(
        self: &Arc<Self>,
        target: TunnelTarget,
        originator: SocketAddr,
        limit: Duration,
    ) -> Result<Tunnel, LinkError> {
        let deadline = Instant::now() + limit;
        self.be_heard_by(deadline).await?;
        self.no_delay_once();
        let (this, wanted) = (Arc::clone(self), target.clone());
        let opening = self.as_task(async move { this.ask_for_tunnel(wanted, originator).await });
        match timeout_at(deadline, opening).await {
            Ok(opened) => opened,
            Err(_late) => Err(LinkError::TunnelTimeout { target, limit }),
        }
    }

    async fn ask_for_tunnel(
        &self,
        target: TunnelTarget,
        originator: SocketAddr,
    ) -> Result<Tunnel, LinkError> {
        let opening = async {
            match target.clone() {
                TunnelTarget::Tcp { host, port } => {
                    let (from, from_port) = (originator.ip().to_string(), originator.port());
                    self.handle()
                        .channel_open_direct_tcpip(host, port.into(), from, from_port.into())
                        .await
                }
                TunnelTarget::Socket { path } => {
                    self.handle().channel_open_direct_streamlocal(path).await
                }
            }
        };
        match self.unless_closed(opening).await? {
            Ok(channel) => {
                let tasks = self.sessions().tasks.clone();
                Ok(Tunnel::new(channel, tasks, self.closed().clone()))
            }
            Err(russh::Error::ChannelOpenFailure(why)) => Err(LinkError::TunnelRefused {
                target,
                why: why.into(),
            }),
            Err(other) => Err(LinkError::Lost(schema::Fault::chain(&other))),
        }
    }

    /// Has sshd switch Nagle's algorithm off, once a link, beside what is opened: it
    /// does that when a program starts, and else a stream from it is a sixth slower and
    /// waits 40 ms in some round trips. One that does not end is left.
    fn no_delay_once(self: &Arc<Self>) {
        if !self.is_first_tunnel() {
            return;
        }
        let this = Arc::clone(self);
        self.sessions().tasks.spawn(async move {
            let SessionChannel { mut reader, writer } = match this.open_session().await {
                Ok(channel) => channel,
                Err(error) => return tracing::debug!(%error, "the host runs no command"),
            };
            let running = async {
                writer.exec(false, "true").await?;
                while reader.wait().await.is_some() {}
                Ok::<_, russh::Error>(())
            };
            if !matches!(
                tokio::time::timeout(NO_DELAY_WAIT, running).await,
                Ok(Ok(()))
            ) {
                tracing::debug!("`true` did not end on the host");
            }
        });
    }
}
