//! The argument of `ProxyJump`: `[user@]host[:port]` or `ssh://...`, several
//! apart by commas.

use std::fmt;
use std::num::{NonZeroU16, ParseIntError};

/// One host on the way, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JumpHost {
    /// Else what `ssh_config` says of the host.
    pub(crate) user: Option<String>,
    /// A name, an address or an alias.
    pub(crate) host: String,
    /// Else what `ssh_config` says of the host.
    pub(crate) port: Option<u16>,
}

impl fmt::Display for JumpHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.host.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.host),
            (true, None) => write!(f, "[{}]", self.host),
            (false, Some(port)) => write!(f, "{}:{port}", self.host),
            (false, None) => write!(f, "{}", self.host),
        }
    }
}

/// The hosts of a list, nearest first. None when one of them is malformed.
pub(super) fn jump_hosts(list: &str) -> Option<Vec<JumpHost>> {
    list.split(',').map(jump_host).collect()
}

fn jump_host(text: &str) -> Option<JumpHost> {
    match text.strip_prefix("ssh://") {
        Some(uri) => from_uri(uri),
        None => from_words(text),
    }
}

fn from_words(text: &str) -> Option<JumpHost> {
    let (user, place) = match text.rsplit_once('@') {
        Some(("", _)) => return None,
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (host, port) = host_and_rest(place)?;
    Some(JumpHost {
        user,
        host,
        port: number(port).ok()?,
    })
}

fn from_uri(text: &str) -> Option<JumpHost> {
    let (user, place) = match text.split_once('@') {
        Some((login, place)) => {
            // What follows a semicolon are parameters, of which none is known.
            let user = login.split(';').next().unwrap_or_default();
            if user.is_empty() {
                return None;
            }
            (Some(percent_decoded(user)?), place)
        }
        None => (None, text),
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    if place.contains('/') {
        return None;
    }
    let (host, port) = host_and_rest(place)?;
    Some(JumpHost {
        user,
        host,
        port: number(port).ok()?,
    })
}

/// A port; where none or nothing is written, none.
fn number(text: Option<&str>) -> Result<Option<u16>, ParseIntError> {
    let digits = text.filter(|digits| !digits.is_empty());
    let port: Option<NonZeroU16> = digits.map(str::parse).transpose()?;
    Ok(port.map(NonZeroU16::get))
}

/// The host without its brackets, and what follows its colon.
fn host_and_rest(text: &str) -> Option<(String, Option<&str>)> {
    let (host, rest) = if let Some(inner) = text.strip_prefix('[') {
        let (host, after) = inner.split_once(']')?;
        match after.strip_prefix(':') {
            Some(rest) => (host, Some(rest)),
            None if after.is_empty() => (host, None),
            None => return None,
        }
    } else {
        match text.split_once([':', '/']) {
            Some((host, rest)) => (host, Some(rest)),
            None => (text, None),
        }
    };
    (!host.is_empty()).then(|| (host.to_owned(), rest))
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut left = text.bytes();
    while let Some(byte) = left.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [left.next()?, left.next()?];
        let digits = std::str::from_utf8(&digits).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_read_as_ssh_reads_it() {
        let shown = |text| {
            jump_hosts(text).map(|hosts| {
                let show = |jump: JumpHost| {
                    let (user, port) = (jump.user.unwrap_or_default(), jump.port.unwrap_or(0));
                    format!("{user}@{}:{port}", jump.host)
                };
                hosts.into_iter().map(show).collect::<Vec<_>>().join(" ")
            })
        };
        for (text, hosts) in [
            ("bastion", Some("@bastion:0")),
            ("ann@bastion:2222,b", Some("ann@bastion:2222 @b:0")),
            ("a@b@[::1]:22", Some("a@b@::1:22")),
            ("bastion:", Some("@bastion:0")),
            ("ssh://ann%40x@bastion:2222/", Some("ann@x@bastion:2222")),
            ("ssh://bastion/path", None),
            ("fe80::1", None),
            ("@bastion", None),
            ("bastion:0", None),
            ("a,,b", None),
            ("", None),
        ] {
            assert_eq!(shown(text).as_deref(), hosts, "{text}");
        }
    }
}
