//! Which loopback address HTTP listens on: the one a person named, which never
//! moves, else the remembered port, else 7800, else a free one.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::TcpListener;

/// The port of the Go program, which client configurations contain.
const USUAL_PORT: u16 = 7800;

/// A literal loopback address with a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Address(SocketAddr);

/// Why there is no listener.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Not an address, or not loopback.
    #[error(
        "the HTTP address {0:?} is not a loopback one with a port, such as 127.0.0.1:7800 or [::1]:7800"
    )]
    NotLoopback(String),
    /// The address that a person named is taken.
    #[error("cannot listen on {0}")]
    Taken(SocketAddr, #[source] io::Error),
}

impl FromStr for Address {
    type Err = ListenError;

    fn from_str(text: &str) -> Result<Self, ListenError> {
        let refused = || ListenError::NotLoopback(text.to_owned());
        // `:7800` is how the Go program's configurations write it.
        let full = match text.strip_prefix("localhost:").or(text.strip_prefix(':')) {
            Some(port) => format!("127.0.0.1:{port}"),
            None => text.to_owned(),
        };
        let address: SocketAddr = full.parse().map_err(|_not_an_address| refused())?;
        // What else is loopback, no Host header of a client would name.
        if ![
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(Ipv6Addr::LOCALHOST),
        ]
        .contains(&address.ip())
        {
            return Err(refused());
        }
        Ok(Self(address))
    }
}

/// Listens. `named` is a person's choice, `remembered` the port of last time.
pub async fn listen(
    named: Option<Address>,
    remembered: Option<u16>,
) -> Result<TcpListener, ListenError> {
    if let Some(Address(address)) = named {
        return TcpListener::bind(address)
            .await
            .map_err(|error| ListenError::Taken(address, error));
    }
    let here = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
    for port in remembered.into_iter().chain([USUAL_PORT]) {
        if let Ok(listener) = TcpListener::bind(here(port)).await {
            return Ok(listener);
        }
    }
    TcpListener::bind(here(0))
        .await
        .map_err(|error| ListenError::Taken(here(0), error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_loopback_addresses_are_taken() {
        for (text, taken) in [
            ("127.0.0.1:7800", true),
            ("127.0.0.1:1", true),
            ("[::1]:7800", true),
            ("localhost:7800", true),
            (":7800", true),
            ("0.0.0.0:7800", false),
            ("[::1]:7800", true),
            ("127.9.9.9:7800", false),
            ("[::]:7800", false),
            ("192.168.1.1:7800", false),
            ("example.com:7800", false),
            ("127.0.0.1", false),
            ("", false),
        ] {
            assert_eq!(text.parse::<Address>().is_ok(), taken, "{text}");
        }
    }

    #[tokio::test]
    async fn a_named_address_never_moves_and_a_remembered_port_does() {
        let first = listen(None, None).await.unwrap();
        let port = first.local_addr().unwrap().port();
        let named = format!("127.0.0.1:{port}").parse().unwrap();
        assert!(matches!(
            listen(Some(named), None).await,
            Err(ListenError::Taken(..))
        ));
        let second = listen(None, Some(port)).await.unwrap();
        assert_ne!(second.local_addr().unwrap().port(), port);
    }
}
