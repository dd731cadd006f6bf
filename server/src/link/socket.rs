//! The TCP socket below a link: resolved anew at each dial, all addresses of
//! a name tried, Nagle off, unanswered data bounded in time.

use std::io;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::TcpStream;

use super::address::Address;
use super::error::LinkError;

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
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for candidate in found {
        match TcpStream::connect(candidate).await {
            Ok(stream) => {
                set_options(&stream, unanswered);
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(LinkError::Connect {
        address: address.clone(),
        source: last,
    })
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
