//! A living, authenticated link.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use russh::client::{Handle, Msg};
use russh::{ChannelStream, Disconnect};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::client::{Client, Found};
use super::error::LinkError;
use super::heard::Heard;
use super::lent_agent::{LentAgents, LoanGuard};
use super::listeners::Listeners;
use super::plan::Hop;
use super::session_channel::SessionChannels;
use super::sftp::SftpSlot;
use super::ssh_config::AgentName;

/// What is known of a link, in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// The user that was logged in.
    pub user: String,
    /// Directives of `ssh_config` that were not honoured, with where.
    pub ssh_config_ignored: Vec<String>,
    /// Fingerprint, `SHA256:...`.
    pub host_key: String,
    /// Key exchange algorithm, and ` (strict)` where both sides keep to the strict
    /// exchange that the Terrapin attack (CVE-2023-48795) led to.
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
    heard: Heard,
    round_trip: Duration,
    forward_agent: AgentName,
    lent: Arc<LentAgents>,
    listeners: Arc<Listeners>,
    sessions: SessionChannels,
    has_tunnel: AtomicBool,
    sftp: SftpSlot,
    /// The link that this one runs in.
    jump: Option<Box<Connection>>,
}

impl Connection {
    pub(super) fn new(
        handle: Handle<Client>,
        hop: &Hop,
        found: Arc<Found>,
        closed: CancellationToken,
        (lent, listeners): (Arc<LentAgents>, Arc<Listeners>),
        heard: Heard,
        round_trip: Duration,
    ) -> Self {
        Self {
            handle,
            address: hop.address.clone(),
            user: hop.user.clone(),
            ssh_config_ignored: hop.ignored.clone(),
            found,
            closed,
            heard,
            round_trip,
            forward_agent: hop.forward_agent.clone(),
            lent,
            listeners,
            sessions: SessionChannels::new(),
            has_tunnel: AtomicBool::new(false),
            sftp: SftpSlot::default(),
            jump: None,
        }
    }

    /// Ties the link that this one runs in to its life.
    pub(super) fn keep(&mut self, jump: Self) {
        self.jump = Some(Box::new(jump));
    }

    /// A stream to `target` from the server's side (RFC 4254 section 7.2).
    ///
    /// sshd leaves Nagle's algorithm on until a command runs, which costs 40 ms
    /// a round trip; so one that does nothing runs beside it.
    pub(super) async fn open_direct(
        &self,
        target: &Address,
    ) -> Result<ChannelStream<Msg>, LinkError> {
        let (host, port) = (target.host.clone(), u32::from(target.port));
        let opening = self
            .handle
            .channel_open_direct_tcpip(host, port, "127.0.0.1", 0);
        let both = Box::pin(async { tokio::join!(opening, self.no_delay()) });
        let (opened, ()) = self.unless_closed(both).await?;
        let channel = opened.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(why) => LinkError::JumpRefused {
                jump: self.address.clone(),
                target: target.clone(),
                why: format!("{why:?}"),
            },
            other => LinkError::Lost(schema::Fault::chain(&other)),
        })?;
        Ok(channel.into_stream())
    }

    /// Has the server switch Nagle's algorithm off. One that runs no command is
    /// slower, not wrong.
    async fn no_delay(&self) {
        let told = match self.handle.channel_open_session().await {
            Ok(channel) => channel.exec(false, "true").await,
            Err(error) => Err(error),
        };
        if let Err(error) = told {
            tracing::debug!(%error, address = %self.address, "the host runs no command");
        }
    }

    /// The address that answered.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The user and the host key by which a host is known again.
    pub fn host(&self) -> String {
        let facts = self.facts();
        format!("{}@{}", facts.user, facts.host_key)
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

    /// The same, without waiting.
    pub fn close_later(self: &Arc<Self>) {
        let this = Arc::clone(self);
        self.sessions.tasks.spawn(async move { this.close().await });
    }

    /// Whether the server allows another session channel, as far as is known.
    pub fn has_place(&self) -> bool {
        self.sessions.places.has_room()
    }

    /// Changes whenever one of its session channels has ended.
    pub fn place_freed(&self) -> watch::Receiver<u64> {
        self.sessions.places.freed()
    }

    /// How long it has had no session channel in use; none while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        self.sessions.places.idle_for()
    }

    /// Returns once the server was heard within a keepalive: at once, mostly.
    pub(super) async fn be_heard(&self) -> Result<(), LinkError> {
        if !self.heard.is_quiet() {
            return Ok(());
        }
        let asked = self.unless_closed(self.handle.send_ping()).await?;
        asked.map_err(|_gone| self.lost())
    }

    /// The same, by `deadline`. Nothing was asked of a server that is not heard by
    /// then: it counts as lost.
    pub(super) async fn be_heard_by(&self, deadline: Instant) -> Result<(), LinkError> {
        match tokio::time::timeout_at(deadline, self.be_heard()).await {
            Ok(heard) => heard,
            Err(_late) => Err(LinkError::Lost("the server says nothing".into())),
        }
    }

    /// What `asking` the server comes to. russh leaves a request without an answer when
    /// the link ends.
    pub(super) async fn unless_closed<T>(
        &self,
        asking: impl Future<Output = T>,
    ) -> Result<T, LinkError> {
        tokio::select! {
            biased;
            () = self.closed.cancelled() => Err(self.lost()),
            answered = asking => Ok(answered),
        }
    }

    /// The same as a task of the link: what the server was asked for is met by its
    /// owner, and given back, even if nobody waits for it any more.
    pub(super) async fn as_task<T: Send + 'static>(
        &self,
        asking: impl Future<Output = Result<T, LinkError>> + Send + 'static,
    ) -> Result<T, LinkError> {
        match self.sessions.tasks.spawn(asking).await {
            Ok(answered) => answered,
            Err(_panic) => Err(self.lost()),
        }
    }

    pub(super) fn sessions(&self) -> &SessionChannels {
        &self.sessions
    }

    pub(super) fn listeners(&self) -> &Arc<Listeners> {
        &self.listeners
    }

    /// Whether no tunnel was opened before.
    pub(super) fn is_first_tunnel(&self) -> bool {
        !self.has_tunnel.swap(true, Ordering::Relaxed)
    }

    pub(super) fn sftp_slot(&self) -> &SftpSlot {
        &self.sftp
    }

    pub(super) fn handle(&self) -> &Handle<Client> {
        &self.handle
    }

    /// Lends the agent that the host may use for a command of the caller with
    /// the agent `callers`, if it may use any.
    pub(super) fn lend(&self, callers: Option<PathBuf>) -> Option<LoanGuard> {
        let agent = match &self.forward_agent {
            AgentName::None => None,
            AgentName::Clients => callers,
            AgentName::Socket(path) => Some(path.clone()),
        };
        agent.map(|agent| self.lent.lend(agent))
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
