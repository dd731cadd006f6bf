//! Dialling: address by address, socket, handshake, host key, authentication.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;
use russh::client::{self, Config};
use schema::Code;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader};
use tokio_util::sync::CancellationToken;

use super::address::Address;
use super::algorithms;
use super::auth::{AgentSockets, Authentication, Ending};
use super::client::{Client, ClientError, Found, Trust};
use super::connection::Connection;
use super::dial_limits::{DialLimits, Slot};
use super::disposition::Disposition;
use super::error::LinkError;
use super::heard::Heard;
use super::known_hosts::Known;
use super::lent_agent::LentAgents;
use super::listeners::Listeners;
use super::plan::{Hop, KEEPALIVES_MISSED, Plan, ProxyCommand, Through};
use super::proxy_command::ProxyStream;
use super::socket;
use super::stall::StallGuard;

/// Messages that one channel may hold before its reader takes them.
const CHANNEL_QUEUE: usize = 64;

/// What a server far away may send on a channel before we have taken it, in bytes: what
/// 3 Gbit/s carry in 40 ms. A forward on this machine is a sixth slower with it.
const FAR_WINDOW: u32 = 16 << 20;

/// The same of one nearby.
const NEAR_WINDOW: u32 = 2 << 20;

/// How long it takes a server nearby to greet, its start included.
const NEAR_GREETING: Duration = Duration::from_millis(25);

/// What is taken from a server at once, in bytes: russh reads each packet in two steps,
/// and a stream of packets of 32 KiB costs a quarter less time in the kernel so.
const READ_AT_ONCE: usize = 64 << 10;

/// Reaches the first address that answers, through its jump hosts. `agents` are
/// asked after the one that a hop names.
pub fn dial<'a>(
    plan: &'a Plan,
    agents: &'a AgentSockets,
    limits: &'a DialLimits,
) -> BoxFuture<'a, Result<Connection, LinkError>> {
    async move {
        let mut last = None;
        for hop in &plan.hops {
            let begun = Dial {
                hop,
                address: &hop.address,
                agents,
                limits,
            };
            match begun.run().await {
                Ok(connection) => return Ok(connection),
                // What a server said of keys and credentials holds for its other
                // addresses too; asking again elsewhere would only count as tries.
                Err(error) if error.disposition() != Disposition::Retry => return Err(error),
                Err(error) if error.code() == Code::HostKeyUnknown => return Err(error),
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| LinkError::Lost("the plan has no address".into())))
    }
    .boxed()
}

/// How long it took to reach a server.
#[derive(Debug, Clone, Copy)]
struct Took {
    /// Up to a connection, which a proxy nearby may have answered.
    round_trip: Duration,
    /// Up to the server's greeting.
    greeting: Duration,
}

impl Took {
    fn since(begun: Instant, round_trip: Duration) -> Self {
        Self {
            round_trip,
            greeting: begun.elapsed(),
        }
    }
}

/// One dial of one address.
struct Dial<'a> {
    hop: &'a Hop,
    address: &'a Address,
    agents: &'a AgentSockets,
    limits: &'a DialLimits,
}

impl Dial<'_> {
    /// The hop's timeout is for what the host takes. Waiting for one's turn is
    /// not the host's fault, and has as long again, so that a call behind many
    /// dials to a dead host is answered.
    async fn run(self) -> Result<Connection, LinkError> {
        let known = Known::read(&self.hop.known_hosts, &self.hop.known_as).await?;
        let patience = self.hop.keepalive.map(|every| every * KEEPALIVES_MISSED);
        let timeout = self.hop.timeout;
        match &self.hop.through {
            Through::Jump(plan) => {
                let jump = dial(plan, self.agents, self.limits).await?;
                return self.by_jump(jump, known, patience).await;
            }
            Through::Command(command) => return self.by_command(command, known, patience).await,
            Through::Nothing => {}
        }
        let _at_host = self.turn(self.limits.at_host(self.address)).await?;
        let begun = Instant::now();
        let reaching = async {
            let stream = socket::connect(self.address, patience).await?;
            let round_trip = begun.elapsed();
            // A server speaks first (RFC 4253 section 4.2), so one that does
            // not takes no slot from those that do.
            stream
                .readable()
                .await
                .map_err(|source| LinkError::Connect {
                    address: self.address.clone(),
                    source,
                })?;
            let stream = BufReader::with_capacity(READ_AT_ONCE, stream);
            Ok((stream, Took::since(begun, round_trip)))
        };
        let (stream, took) = self.limited(timeout, reaching).await?;
        let left = timeout.saturating_sub(begun.elapsed());
        let _slot = self.turn(self.limits.handshake()).await?;
        let shaking = self.handshake(stream, known, patience, took);
        self.limited(left, shaking).await
    }

    /// The same through a channel of `jump`, which lives as long as the link.
    async fn by_jump(
        &self,
        jump: Connection,
        known: Known,
        patience: Option<Duration>,
    ) -> Result<Connection, LinkError> {
        let timeout = self.hop.timeout;
        let begun = Instant::now();
        let reaching = async {
            let stream = jump.open_direct(self.address).await?;
            let round_trip = begun.elapsed();
            let mut stream = BufReader::with_capacity(READ_AT_ONCE, stream);
            let peeked = stream.fill_buf().await.map(<[u8]>::len);
            peeked.map_err(|source| LinkError::Connect {
                address: self.address.clone(),
                source,
            })?;
            Ok((stream, Took::since(begun, round_trip)))
        };
        let (stream, took) = self.limited(timeout, reaching).await?;
        let left = timeout.saturating_sub(begun.elapsed());
        let _slot = self.turn(self.limits.handshake()).await?;
        let shaking = self.handshake(stream, known, patience, took);
        let mut connection = self.limited(left, shaking).await?;
        connection.keep(jump);
        Ok(connection)
    }

    /// The same through a program, which lives as long as the link. Given up,
    /// the dial drops the stream, which ends it.
    async fn by_command(
        &self,
        command: &ProxyCommand,
        known: Known,
        patience: Option<Duration>,
    ) -> Result<Connection, LinkError> {
        let timeout = self.hop.timeout;
        let _at_host = self.turn(self.limits.at_host(self.address)).await?;
        let begun = Instant::now();
        let failed = |source| LinkError::ProxyCommand {
            address: self.address.clone(),
            program: command.program.clone(),
            source,
        };
        let agent = self.hop.credentials.agent_socket.as_deref();
        let agent = agent.or(self.agents.first());
        let reaching = async {
            let stream = ProxyStream::start(command, agent).map_err(failed)?;
            let mut stream = BufReader::with_capacity(READ_AT_ONCE, stream);
            let peeked = stream.fill_buf().await.map(<[u8]>::len);
            peeked.map_err(failed)?;
            Ok((stream, Took::since(begun, begun.elapsed())))
        };
        let (stream, took) = self.limited(timeout, reaching).await?;
        let left = timeout.saturating_sub(begun.elapsed());
        let _slot = self.turn(self.limits.handshake()).await?;
        let shaking = self.handshake(stream, known, patience, took);
        self.limited(left, shaking).await
    }

    async fn turn(&self, slot: impl Future<Output = Slot>) -> Result<Slot, LinkError> {
        let waiting = async { Ok(slot.await) };
        self.limited(self.hop.timeout, waiting).await
    }

    async fn limited<T>(
        &self,
        limit: Duration,
        step: impl Future<Output = Result<T, LinkError>>,
    ) -> Result<T, LinkError> {
        match tokio::time::timeout(limit, step).await {
            Ok(outcome) => outcome,
            Err(_late) => Err(LinkError::DialTimeout {
                address: self.address.clone(),
                limit: self.hop.timeout,
            }),
        }
    }

    async fn handshake<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
        &self,
        stream: S,
        known: Known,
        patience: Option<Duration>,
        took: Took,
    ) -> Result<Connection, LinkError> {
        let config = Arc::new(config(&known, self.hop.keepalive, took.greeting));
        let found = Arc::new(Found::default());
        let closed = CancellationToken::new();
        let lent = LentAgents::new(closed.clone());
        let listeners = Listeners::new(closed.clone());
        let client = Client {
            trust: Trust {
                address: self.address.clone(),
                known,
                policy: self.hop.policy.clone(),
                accepted: self.hop.known_hosts.accepted.clone(),
                note: self.hop.note.clone(),
            },
            found: Arc::clone(&found),
            closed: closed.clone(),
            lent: Arc::clone(&lent),
            listeners: Arc::clone(&listeners),
        };
        let given_up = CancellationToken::new();
        let heard = Heard::new(self.hop.keepalive, took.round_trip);
        let guarded = StallGuard::new(stream, patience, given_up.clone(), heard.clone());
        let giving_up = given_up.drop_guard();
        let mut handle = client::connect_stream(config, guarded, client)
            .await
            .map_err(|error| self.explain(error))?;
        let ending = Ending {
            found: &found,
            closed: &closed,
        };
        let authentication =
            Authentication::new(&mut handle, ending, self.hop, self.address, self.agents);
        Box::pin(authentication.run()).await?;
        giving_up.disarm();
        lent.bind(handle.agent_session_binding());
        Ok(Connection::new(
            handle,
            self.hop,
            found,
            closed,
            (lent, listeners),
            heard,
            took.round_trip,
        ))
    }

    fn explain(&self, error: ClientError) -> LinkError {
        let address = self.address.clone();
        match error {
            ClientError::Link(error) => error,
            ClientError::Russh(russh::Error::NoCommonAlgo { kind, theirs, .. }) => {
                let kind = format!("{kind:?}").to_lowercase();
                LinkError::OldCrypto {
                    address,
                    kind,
                    theirs: theirs.join(", "),
                }
            }
            ClientError::Russh(source) => LinkError::Handshake { address, source },
        }
    }
}

/// russh fires on the tick after `keepalive_max` unanswered ones, so one less
/// than [`KEEPALIVES_MISSED`].
fn config(known: &Known, keepalive: Option<Duration>, greeting: Duration) -> Config {
    Config {
        client_id: russh::SshId::Standard(
            concat!("SSH-2.0-remote-shell-mcp_", env!("CARGO_PKG_VERSION")).into(),
        ),
        window_size: window(greeting),
        channel_buffer_size: CHANNEL_QUEUE,
        preferred: algorithms::preferred(&known.key_types(), known.has_authorities()),
        inactivity_timeout: None,
        keepalive_interval: keepalive,
        keepalive_max: KEEPALIVES_MISSED as usize - 1,
        nodelay: false, // The socket has it already.
        ..Config::default()
    }
}

/// One number per link, chosen when it is made.
fn window(greeting: Duration) -> u32 {
    if greeting < NEAR_GREETING {
        NEAR_WINDOW
    } else {
        FAR_WINDOW
    }
}
