//! One connection that came to the host, to a target on this side.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::backlog::Backlog;
use super::carry::{REACH_WAIT, prepare, reset};
use super::handle::Forward;
use super::pump::{Carried, Counted, pump};
use super::room::ForwardRoom;
use crate::link::Arrival;

/// Carries it to `target`, a host and a port as this machine resolves them.
pub(super) async fn from_there(
    forward: Arc<Forward>,
    room: ForwardRoom,
    arrival: Arrival,
    target: (String, u16),
) {
    let _open = forward.begin();
    let ending = forward.ending().clone();
    let reached = tokio::select! {
        biased;
        () = ending.cancelled() => return,
        reached = timeout(REACH_WAIT, TcpStream::connect((target.0.as_str(), target.1))) => reached,
    };
    let reached = reached.unwrap_or_else(|late| Err(io::Error::new(io::ErrorKind::TimedOut, late)));
    let socket = match reached {
        Ok(socket) => socket,
        Err(error) => {
            let (host, port) = target;
            forward.failed(format!("cannot connect to {host} port {port}: {error}"));
            arrival.refuse().await;
            return;
        }
    };
    prepare(&socket);
    let counted = Counted::from_there(&forward);
    let backlog = Backlog::new(Arc::clone(&room.budget));
    let tunnel = arrival.accept().await;
    let carried = tokio::select! {
        biased;
        () = ending.cancelled() => Carried::Broken("the forward was ended".into()),
        carried = pump(&socket, tunnel, backlog, counted) => carried,
    };
    if let Carried::Broken(why) = carried {
        forward.failed(why);
        reset(socket);
    }
}
