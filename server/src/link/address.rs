//! One address as a caller writes it: `host`, `host:port`, `[v6]:port`.

use std::fmt;
use std::str::FromStr;

/// The port of SSH, IANA's.
pub(super) const SSH_PORT: u16 = 22;

/// A host and a port. The host is resolved anew at every dial.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// A name or a literal, without brackets.
    pub host: String,
    /// The TCP port.
    pub port: u16,
}

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing, or nothing before the port.
    #[error("`{0}` names no host")]
    NoHost(String),
    /// Not a number from 1 to 65535.
    #[error("`{0}` has no port from 1 to 65535 after its colon")]
    Port(String),
    /// A bracket without its partner.
    #[error("`{0}` has an unclosed bracket; write [v6]:port")]
    Bracket(String),
    /// A leading dash, or a character that no host name has and that means
    /// something to a shell or to `known_hosts` (SECURITY 7, 8).
    #[error("`{0}` is no host name")]
    Host(String),
}

/// An address as it was written, which may be an alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Written {
    /// A name, a literal without brackets, or an alias.
    pub(super) host: String,
    /// The port, where one was written.
    pub(super) port: Option<u16>,
}

impl Address {
    /// The two together, unless the host could be an option or two words.
    pub(super) fn new(host: &str, port: u16) -> Result<Self, AddressError> {
        check_host(host, host)?;
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

/// What separates or matches names in `known_hosts`, or acts in a shell. An
/// accepted key is written under the name, and must count for it alone.
const ODD: &str = ",*?!|#/@'\"`$\\;&<>(){}[]";

fn check_host(host: &str, text: &str) -> Result<(), AddressError> {
    if host.is_empty() {
        return Err(AddressError::NoHost(text.to_owned()));
    }
    // A link-local IPv6 literal names its interface behind a percent sign.
    let is_v6 = host.contains(':');
    let odd =
        |c: char| c.is_whitespace() || c.is_control() || ODD.contains(c) || (c == '%' && !is_v6);
    if host.starts_with('-') || host.contains(odd) {
        return Err(AddressError::Host(text.to_owned()));
    }
    Ok(())
}

impl FromStr for Written {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = split(text)?;
        check_host(host, text)?;
        let port = port.map(|digits| {
            let number = digits.parse().ok().filter(|port| *port != 0);
            number.ok_or_else(|| AddressError::Port(text.to_owned()))
        });
        Ok(Self {
            host: host.to_owned(),
            port: port.transpose()?,
        })
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Written { host, port } = text.parse()?;
        let port = port.unwrap_or(SSH_PORT);
        Ok(Self { host, port })
    }
}

/// Host and port as written. More than one colon without brackets is a bare
/// IPv6 literal.
fn split(text: &str) -> Result<(&str, Option<&str>), AddressError> {
    if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest
            .split_once(']')
            .ok_or_else(|| AddressError::Bracket(text.to_owned()))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(AddressError::Port(text.to_owned())),
        };
    }
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((host, Some(port))),
        _ => Ok((text, None)),
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_with_or_without_its_port() {
        for (text, host, port) in [
            ("web", "web", 22),
            ("web:2222", "web", 2222),
            ("10.0.0.1:22", "10.0.0.1", 22),
            ("[::1]:2222", "::1", 2222),
            ("[::1]", "::1", 22),
            ("fe80::1", "fe80::1", 22),
            ("fe80::1%eth0", "fe80::1%eth0", 22),
            ("a_b.grüße", "a_b.grüße", 22),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(
                (address.host.as_str(), address.port),
                (host, port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_could_be_an_option_or_two_words_is_no_host() {
        for bad in [
            "",
            ":22",
            "web:",
            "web:0",
            "web:99999",
            "-oProxyCommand=x",
            "a b",
            "[::1",
            "[::1]x",
            "u@h",
            "x,web",
            "*",
            "w?b",
            "!web",
            "#web",
            "|1|a|b",
            "x;id",
            "x'y",
            "$(id)",
            "web%eth0",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }
}
