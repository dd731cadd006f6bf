//! A forward that listens here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};

use super::carry;
use super::handle::Forward;
use super::places::Place;
use super::port_holder;
use super::room::ForwardRoom;

/// How soon it is tried again when its port is taken, one after the other; the last
/// for ever.
const AGAIN: [Duration; 4] = [
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// How long a listener rests that could accept nobody, for want of file descriptors,
/// say.
const REST: Duration = Duration::from_millis(200);

/// Listens on `address`, `port`; the error says who has the port.
pub(super) async fn bind(address: &str, port: u16) -> Result<TcpListener, (io::Error, String)> {
    let addresses = match addresses(address, port).await {
        Ok(addresses) => addresses,
        Err(error) => return Err(plainly(address, port, error)),
    };
    let error = match TcpListener::bind(addresses.as_slice()).await {
        Ok(listener) => return Ok(listener),
        Err(error) => error,
    };
    if error.kind() == io::ErrorKind::AddrInUse
        && let Some(holder) = port_holder::of(addresses).await
    {
        let why = format!("port {port} on {address} is taken by {holder}");
        return Err((error, why));
    }
    Err(plainly(address, port, error))
}

/// What `address` means, as for ssh -L: `*` and nothing are every interface.
async fn addresses(address: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    let ip = match address {
        "*" | "" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        "localhost" => Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        other => other.parse().ok(),
    };
    match ip {
        Some(ip) => Ok(vec![SocketAddr::new(ip, port)]),
        None => Ok(lookup_host((address, port)).await?.collect()),
    }
}

fn plainly(address: &str, port: u16, error: io::Error) -> (io::Error, String) {
    let why = format!("cannot listen on {address} port {port}: {error}");
    (error, why)
}

/// Listens until the forward is to end; without a `listener` as soon as there can be
/// one.
pub(super) async fn run(forward: Arc<Forward>, room: ForwardRoom, listener: Option<TcpListener>) {
    let ending = forward.ending().clone();
    tokio::select! {
        biased;
        () = ending.cancelled() => {}
        () = serve(&forward, &room, listener) => {}
    }
    forward.ended().cancel();
}

async fn serve(forward: &Arc<Forward>, room: &ForwardRoom, listener: Option<TcpListener>) {
    let listener = match listener {
        Some(listener) => listener,
        None => bound_at_last(forward).await,
    };
    if let Ok(address) = listener.local_addr() {
        forward.listens(address.port());
    }
    loop {
        let place = room.places.take(forward).await;
        match listener.accept().await {
            Ok((socket, from)) => begin(forward, room, socket, from, place),
            Err(error) => {
                forward.failed(format!("nobody could be accepted: {error}"));
                tokio::time::sleep(REST).await;
            }
        }
    }
}

fn begin(
    forward: &Arc<Forward>,
    room: &ForwardRoom,
    socket: TcpStream,
    from: SocketAddr,
    place: Place,
) {
    let carrying = carry::from_here(Arc::clone(forward), room.clone(), socket, from);
    room.tasks.spawn(async move {
        carrying.await;
        drop(place);
    });
}

async fn bound_at_last(forward: &Forward) -> TcpListener {
    let spec = forward.spec();
    let mut waits = AGAIN.iter();
    let mut wait = Duration::ZERO;
    loop {
        match bind(&spec.bind_addr, spec.bind_port).await {
            Ok(listener) => return listener,
            Err((_, why)) => {
                tracing::warn!(forward = %forward.id(), session = %forward.session_id(), why);
                forward.does_not_listen(why);
            }
        }
        wait = waits.next().copied().unwrap_or(wait);
        tokio::time::sleep(wait).await;
    }
}
