//! The SOCKS5 of a dynamic forward (RFC 1928): CONNECT, without authentication, names
//! left to the far side.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use fast_socks5::server::{Socks5ServerProtocol, SocksServerError, states};
use fast_socks5::util::target_addr::TargetAddr;
use fast_socks5::{ReplyError, Socks5Command};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::link::{LinkError, TunnelRefusal, TunnelTarget};

/// SOCKS4's no, for clients that speak only that.
const SOCKS4_REFUSED: [u8; 8] = [0, 0x5b, 0, 0, 0, 0, 0, 0];

/// A client that waits for its answer.
pub(super) struct Asked<'a> {
    /// Where it wants to go.
    pub(super) target: TunnelTarget,
    waiting: Socks5ServerProtocol<&'a mut TcpStream, states::CommandRead>,
}

/// Reads what the client wants; the error is for a person.
pub(super) async fn asked(socket: &mut TcpStream) -> Result<Asked<'_>, String> {
    match read(socket).await {
        Ok(asked) => Ok(asked),
        Err(Unread::Socks4(socket)) => {
            if let Err(error) = socket.write_all(&SOCKS4_REFUSED).await {
                tracing::debug!(%error, "a SOCKS4 client left");
            }
            Err("a client speaks SOCKS4, and this is SOCKS5".into())
        }
        Err(Unread::Other(why)) => Err(why),
    }
}

enum Unread<'a> {
    Socks4(&'a mut TcpStream),
    Other(String),
}

async fn read(socket: &mut TcpStream) -> Result<Asked<'_>, Unread<'_>> {
    let mut first = [0];
    let other = |why: String| Unread::Other(why);
    match socket.peek(&mut first).await {
        Ok(1) if first == [4] => return Err(Unread::Socks4(socket)),
        Ok(1) if first == [5] => {}
        Ok(_) => return Err(other("a client speaks something else than SOCKS5".into())),
        Err(error) => return Err(other(format!("a client broke off: {error}"))),
    }
    let said = |error: SocksServerError| other(format!("a client's SOCKS5 is wrong: {error}"));
    let greeted = Socks5ServerProtocol::accept_no_auth(socket)
        .await
        .map_err(said)?;
    let (waiting, command, target) = greeted.read_command().await.map_err(said)?;
    if command != Socks5Command::TCPConnect {
        let refusing = waiting.reply_error(&ReplyError::CommandNotSupported);
        refusing.await.map_err(said)?;
        return Err(other(
            "a client asks for another SOCKS5 command than CONNECT".into(),
        ));
    }
    let (host, port) = match target {
        TargetAddr::Ip(address) => (address.ip().to_string(), address.port()),
        TargetAddr::Domain(name, port) => (name, port),
    };
    if host.is_empty() || host.chars().any(char::is_control) {
        let refusing = waiting.reply_error(&ReplyError::GeneralFailure);
        refusing.await.map_err(said)?;
        return Err(other("a client asks for a name that is none".into()));
    }
    Ok(Asked {
        target: TunnelTarget::Tcp { host, port },
        waiting,
    })
}

impl Asked<'_> {
    /// It is connected. SSH does not say from which address.
    pub(super) async fn connected(self) -> Result<(), String> {
        let nowhere = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let told = self.waiting.reply_success(nowhere).await;
        told.map(drop)
            .map_err(|error| format!("a client left: {error}"))
    }

    /// It is not, for want of the session where no error of the target is given.
    pub(super) async fn refuse(self, why: Option<&LinkError>) {
        let reply = match why {
            Some(LinkError::TunnelRefused { why, .. }) => match why {
                TunnelRefusal::Prohibited => ReplyError::ConnectionNotAllowed,
                TunnelRefusal::Failed => ReplyError::HostUnreachable,
                TunnelRefusal::Other => ReplyError::GeneralFailure,
            },
            Some(LinkError::TunnelTimeout { .. }) => ReplyError::HostUnreachable,
            _ => ReplyError::NetworkUnreachable,
        };
        if let Err(error) = self.waiting.reply_error(&reply).await {
            tracing::debug!(%error, "a SOCKS client left before its answer");
        }
    }
}
