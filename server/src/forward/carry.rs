//! One connection, from its arrival here to its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use schema::Fault;
use schema::spec::ForwardKind;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::backlog::Backlog;
use super::handle::Forward;
use super::pump::{Carried, Counted, pump};
use super::room::ForwardRoom;
use super::socks;
use crate::link::{Connection, LinkError, Tunnel, TunnelTarget};

/// How long a connection may take to reach its target, its session's link included.
pub(super) const REACH_WAIT: Duration = Duration::from_secs(30);

/// How long a SOCKS client may take to say what it wants.
const GREETING_WAIT: Duration = Duration::from_secs(10);

/// Carries a connection that came from `from` to the forward's target.
pub(super) async fn from_here(
    forward: Arc<Forward>,
    room: ForwardRoom,
    mut socket: TcpStream,
    from: SocketAddr,
) {
    let _open = forward.begin();
    prepare(&socket);
    let ending = forward.ending().clone();
    let carried = tokio::select! {
        biased;
        () = ending.cancelled() => Carried::Broken("the forward was ended".into()),
        carried = carry(&forward, &room, &mut socket, from) => carried,
    };
    if let Carried::Broken(why) = carried {
        forward.failed(why);
        reset(socket);
    }
}

async fn carry(
    forward: &Arc<Forward>,
    room: &ForwardRoom,
    socket: &mut TcpStream,
    from: SocketAddr,
) -> Carried {
    let target = match &forward.spec().kind {
        ForwardKind::Local {
            remote_host,
            remote_port,
        } => TunnelTarget::Tcp {
            host: remote_host.clone(),
            port: *remote_port,
        },
        ForwardKind::LocalSocket { remote_socket } => TunnelTarget::Socket {
            path: remote_socket.clone(),
        },
        ForwardKind::Dynamic => return proxy(forward, room, socket, from).await,
        ForwardKind::Remote { .. } => return Carried::Broken("it listens elsewhere".into()),
    };
    match reach(forward, target, from).await {
        Ok(tunnel) => pump_here(forward, room, socket, tunnel).await,
        Err(Unreached::Session(fault)) => Carried::Broken(fault.message),
        Err(Unreached::Target(error)) => Carried::Broken(Fault::chain(&error)),
    }
}

/// Takes a SOCKS client to where it asks for.
async fn proxy(
    forward: &Arc<Forward>,
    room: &ForwardRoom,
    socket: &mut TcpStream,
    from: SocketAddr,
) -> Carried {
    let tunnel = {
        let asked = match timeout(GREETING_WAIT, socks::asked(socket)).await {
            Ok(Ok(asked)) => asked,
            Ok(Err(why)) => return Carried::Broken(why),
            Err(_late) => return Carried::Broken("a client said nothing in time".into()),
        };
        match reach(forward, asked.target.clone(), from).await {
            Ok(tunnel) => {
                if let Err(why) = asked.connected().await {
                    return Carried::Broken(why);
                }
                tunnel
            }
            Err(unreached) => {
                let (why, reply) = match unreached {
                    Unreached::Session(fault) => (fault.message, None),
                    Unreached::Target(error) => (Fault::chain(&error), Some(error)),
                };
                asked.refuse(reply.as_ref()).await;
                forward.failed(why);
                // It has its answer, which a reset might take away.
                return Carried::Whole;
            }
        }
    };
    pump_here(forward, room, socket, tunnel).await
}

async fn pump_here(
    forward: &Arc<Forward>,
    room: &ForwardRoom,
    socket: &TcpStream,
    tunnel: Tunnel,
) -> Carried {
    let counted = Counted::from_here(forward);
    let backlog = Backlog::new(Arc::clone(&room.budget));
    pump(socket, tunnel, backlog, counted).await
}

/// Why there is no stream.
enum Unreached {
    Session(Fault),
    Target(LinkError),
}

/// A stream to `target`, on a link that is waited for. One that broke before it was
/// answered is asked for again on the next: nothing went through it.
async fn reach(
    forward: &Arc<Forward>,
    target: TunnelTarget,
    from: SocketAddr,
) -> Result<Tunnel, Unreached> {
    let deadline = Instant::now() + REACH_WAIT;
    loop {
        let link = link(forward, deadline).await.map_err(Unreached::Session)?;
        let left = deadline.duration_since(Instant::now());
        let opened = link.open_tunnel(target.clone(), from, left).await;
        match opened {
            Err(LinkError::Lost(_)) if Instant::now() < deadline => {}
            opened => return opened.map_err(Unreached::Target),
        }
    }
}

/// The link of its session, dialled when it is down.
async fn link(forward: &Forward, deadline: Instant) -> Result<Arc<Connection>, Fault> {
    let up = Arc::clone(&forward.links().borrow().up);
    up(deadline.duration_since(Instant::now())).await
}

/// Small writes are not held back, and a client whose machine is gone is noticed.
pub(super) fn prepare(socket: &TcpStream) {
    let told = socket
        .set_nodelay(true)
        .and_then(|()| Ok(rustix::net::sockopt::set_socket_keepalive(socket, true)?));
    if let Err(error) = told {
        tracing::debug!(%error, "a socket takes no options");
    }
}

/// Closes it so that the other end sees that it broke, and does not take what it got
/// for all.
pub(super) fn reset(socket: TcpStream) {
    if let Err(error) = socket.set_zero_linger() {
        tracing::debug!(%error, "a socket is closed as if it had ended");
    }
    drop(socket);
}
