//! The TCP socket below a link: resolved anew at each dial, all addresses of
//! a name tried, Nagle off, unanswered data bounded in time.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::address::Address;
use super::error::LinkError;

/// How long an address of a name is tried alone; RFC 8305's own figure.
const HEAD_START: Duration = Duration::from_millis(250);

/// A connected socket, set up for SSH.
///
/// `unanswered` bounds how long sent data may stay unacknowledged
/// (`TCP_USER_TIMEOUT`, RFC 5482); none leaves the system's own limit.
pub(super) async fn connect(
    address: &Address,
    unanswered: Option<Duration>,
) -> Result<TcpStream, LinkError> {
    let found = tokio::net::lookup_host((address.host.as_str(), address.port))
        .await
        .map_err(|source| LinkError::Resolve {
            host: address.host.clone(),
            source,
        })?;
    let stream = first_of(found.collect())
        .await
        .map_err(|source| LinkError::Connect {
            address: address.clone(),
            source,
        })?;
    set_options(&stream, unanswered);
    Ok(stream)
}

/// The first that connects. Each is given a head start, so that one which
/// swallows everything does not hold the others up (RFC 8305 section 5).
async fn first_of(candidates: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = candidates;
    let mut begun = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        if let Some(candidate) = waiting.pop_front() {
            begun.push(TcpStream::connect(candidate));
        }
        tokio::select! {
            ended = begun.next() => match ended {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last = error,
                None => return Err(last),
            },
            () = tokio::time::sleep(HEAD_START), if !waiting.is_empty() => {}
        }
    }
}

/// Options that make a link quick and honest; a kernel that refuses one makes
/// it slower, not wrong, so that is only logged.
fn set_options(stream: &TcpStream, unanswered: Option<Duration>) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::warn!(%error, "cannot switch Nagle's algorithm off");
    }
    #[cfg(target_os = "linux")]
    if let Some(limit) = unanswered {
        let millis = u32::try_from(limit.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = sockopt::set_tcp_user_timeout(stream, millis) {
            tracing::warn!(%error, "cannot bound unanswered data");
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = unanswered;
        if let Err(error) = sockopt::set_socket_keepalive(stream, true) {
            tracing::warn!(%error, "cannot switch TCP keepalive on");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_refuses_or_swallows_does_not_hold_up_the_next() {
        let good = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let good = good.local_addr().unwrap();
        // Its queue is full, so that a further connection hangs.
        let swallows = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            None,
        )
        .unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        rustix::net::bind(&swallows, &any).unwrap();
        rustix::net::listen(&swallows, 0).unwrap();
        let full: SocketAddr = rustix::net::getsockname(&swallows)
            .unwrap()
            .try_into()
            .unwrap();
        let _fill: Vec<_> = (0..4)
            .map(|_| std::net::TcpStream::connect_timeout(&full, Duration::from_millis(50)))
            .collect();
        let refuses: SocketAddr = "127.0.0.1:1".parse().unwrap();
        let begun = std::time::Instant::now();
        let stream = first_of(vec![refuses, full, good].into()).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), good);
        assert!(begun.elapsed() < Duration::from_secs(1));
        assert!(first_of(vec![refuses].into()).await.is_err());
        assert!(first_of(VecDeque::new()).await.is_err());
    }
}
