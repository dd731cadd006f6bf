//! Our side of the protocol's questions: is this host key right, and what of
//! channels that the server opens: to an agent that is lent, from what it listens on
//! for us, and else none (SECURITY 10).

use std::sync::{Arc, OnceLock};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{Channel, ChannelOpenFailure, Names};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::error::LinkError;
use super::known_hosts::{AcceptedKeys, Known, Policy, Verdict, fingerprint, judge};
use super::lent_agent::LentAgents;
use super::listeners::Listeners;
use crate::clock::Clock;
use crate::words::one_line;

/// What the handler needs to judge a host key.
#[derive(Debug)]
pub(super) struct Trust {
    pub(super) address: Address,
    pub(super) known: Known,
    pub(super) policy: Policy,
    pub(super) accepted: AcceptedKeys,
    pub(super) note: String,
}

/// What the handshake found out; each set once.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Fingerprint of the host key.
    pub(super) host_key: OnceLock<String>,
    pub(super) kex: OnceLock<String>,
    pub(super) cipher: OnceLock<String>,
    pub(super) server_version: OnceLock<String>,
    /// Why the link ended.
    pub(super) ended: OnceLock<String>,
}

/// The handler of one link. Dropped when russh's session loop ends, in
/// whatever way, and then `closed` fires.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) trust: Trust,
    pub(super) found: Arc<Found>,
    pub(super) closed: CancellationToken,
    pub(super) lent: Arc<LentAgents>,
    pub(super) listeners: Arc<Listeners>,
}

/// A failure inside the handler.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// The protocol's.
    #[error(transparent)]
    Russh(#[from] russh::Error),
    /// Ours.
    #[error(transparent)]
    Link(#[from] LinkError),
}

impl Drop for Client {
    fn drop(&mut self) {
        self.closed.cancel();
    }
}

impl Client {
    fn judge_key(&self, shown: &PublicKeyOrCertificate) -> Result<(), LinkError> {
        let key = shown.public_key();
        let key_type = key.algorithm().as_str().to_owned();
        let fingerprint = fingerprint(key.key_data());
        // A rekey shows the same key again; what it was taken for stands, also
        // when its certificate has expired by now.
        if self.found.host_key.get() == Some(&fingerprint) {
            return Ok(());
        }
        let trust = &self.trust;
        let address = trust.address.clone();
        let known_as = trust.known.known_as();
        let now = u64::try_from(Clock::system().now_ms() / 1000).unwrap_or_default();
        let (data, certificate) = (key.key_data(), shown.certificate());
        match judge(&trust.known, &trust.policy, data, certificate, now) {
            Verdict::Accept => {}
            Verdict::AcceptAndRemember => {
                let text = key.to_openssh().unwrap_or_default();
                let blob = text.split(' ').nth(1).unwrap_or_default();
                let accepted = &trust.accepted;
                accepted.remember(known_as, &key_type, blob, &trust.note)?;
            }
            Verdict::Unknown { others } => {
                return Err(LinkError::HostKeyUnknown {
                    address,
                    key_type,
                    fingerprint,
                    others: others.map(Box::new),
                    named_file: trust.accepted.beside.clone(),
                });
            }
            Verdict::BadCertificate(fault) => {
                return Err(LinkError::HostCertificate {
                    address,
                    key_type,
                    fingerprint,
                    fault,
                });
            }
            Verdict::Changed(place) => {
                return Err(LinkError::HostKeyChanged {
                    address,
                    known_as: known_as.entry().to_owned(),
                    key_type,
                    fingerprint,
                    place: Box::new(place),
                });
            }
            Verdict::Revoked(place) => return Err(LinkError::HostKeyRevoked { address, place }),
        }
        self.found.host_key.get_or_init(|| fingerprint);
        Ok(())
    }
}

/// What every server-opened channel gets.
async fn refuse(kind: &'static str, reply: ChannelOpenHandle) -> Result<(), ClientError> {
    tracing::warn!(kind, "refused a channel that the server opened unasked");
    reply
        .reject(ChannelOpenFailure::AdministrativelyProhibited)
        .await;
    Ok(())
}

impl Handler for Client {
    type Error = ClientError;

    async fn check_server_key(
        &mut self,
        key: &PublicKeyOrCertificate,
    ) -> Result<bool, ClientError> {
        self.judge_key(key)?;
        Ok(true)
    }

    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &Names,
        session: &mut Session,
    ) -> Result<(), ClientError> {
        let found = &self.found;
        found.kex.get_or_init(|| {
            let strict = if names.strict_kex() { " (strict)" } else { "" };
            format!("{}{strict}", names.kex.as_ref())
        });
        found
            .cipher
            .get_or_init(|| names.cipher.as_ref().to_owned());
        found.server_version.get_or_init(|| {
            let version = String::from_utf8_lossy(session.remote_sshid());
            one_line(&version, 255)
        });
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<ClientError>,
    ) -> Result<(), ClientError> {
        let words = match reason {
            DisconnectReason::ReceivedDisconnect(said) => {
                format!("the server said goodbye: {}", one_line(&said.message, 200))
            }
            DisconnectReason::Error(error) => schema::Fault::chain(&error),
        };
        self.found.ended.get_or_init(|| words);
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        channel: Channel<Msg>,
        address: &str,
        port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        self.listeners.arrived(address, port, channel, reply).await;
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("forwarded-streamlocal@openssh.com", reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        match self.lent.connect(channel) {
            Ok(()) => {
                reply.accept().await;
                Ok(())
            }
            Err(why) => {
                tracing::warn!(%why, address = %self.trust.address, "the server gets no agent");
                refuse("auth-agent@openssh.com", reply).await
            }
        }
    }

    async fn server_channel_open_unknown(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("unknown", reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("session", reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host: &str,
        _port: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("direct-tcpip", reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("direct-streamlocal@openssh.com", reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), ClientError> {
        refuse("x11", reply).await
    }
}
