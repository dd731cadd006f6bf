//! One line of a `known_hosts` file.

use super::key::Key;
use super::pattern::matches_host;

/// A line's leading marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// A plain entry.
    None,
    /// `@revoked`: this key must never be taken.
    Revoked,
    /// `@cert-authority`: signs host certificates.
    CertAuthority,
}

/// A line that is no comment. Its key is read once the host matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) marker: Marker,
    hosts: &'a [u8],
    key: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line, unless it is blank, a comment, or has no known marker: ssh(1)
    /// passes over bad lines, and so do we. A NUL ends the line.
    pub(super) fn parse(text: &'a [u8]) -> Option<Self> {
        let text = text.split(|byte| *byte == 0).next()?;
        let text = after_blanks(text);
        if text.is_empty() || text.starts_with(b"#") {
            return None;
        }
        let (marker, text) = marker(text)?;
        let end = text.iter().position(|byte| is_blank(*byte))?;
        let (hosts, key) = text.split_at_checked(end)?;
        Some(Self { marker, hosts, key })
    }

    /// Whether it speaks of the host whose entry is `host`.
    pub(super) fn is_for(&self, host: &str) -> bool {
        matches_host(self.hosts, host)
    }

    /// Its column of names, as written.
    pub(super) fn hosts(&self) -> &'a [u8] {
        self.hosts
    }

    /// Its key, if it has a sound one.
    pub(super) fn key(&self) -> Option<Key> {
        Key::parse(self.key)
    }

    /// What follows its key.
    pub(super) fn comment(&self) -> &'a [u8] {
        let after_word = |text: &'a [u8]| {
            let text = after_blanks(text);
            let end = text.iter().position(|byte| is_blank(*byte));
            text.split_at(end.unwrap_or(text.len())).1
        };
        after_blanks(after_word(after_word(self.key)))
    }
}

/// The marker and what follows it. ssh(1) looks for the space that ends a
/// marker in the whole line, and for a tab only in a line without spaces.
fn marker(text: &[u8]) -> Option<(Marker, &[u8])> {
    if !text.starts_with(b"@") {
        return Some((Marker::None, text));
    }
    let find = |wanted: u8| text.iter().position(|byte| *byte == wanted);
    let (word, rest) = text.split_at_checked(find(b' ').or_else(|| find(b'\t'))?)?;
    let marker = match word {
        b"@revoked" => Marker::Revoked,
        b"@cert-authority" => Marker::CertAuthority,
        _ => return None,
    };
    let rest = after_blanks(rest);
    (!rest.starts_with(b"@")).then_some((marker, rest))
}

fn after_blanks(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_blank(*byte));
    text.split_at(start.unwrap_or(text.len())).1
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    #[test]
    fn a_line_is_marker_hosts_type_and_key() {
        for (start, marker) in [
            ("", Marker::None),
            (" \t", Marker::None),
            ("@revoked ", Marker::Revoked),
            ("@cert-authority  \t", Marker::CertAuthority),
        ] {
            let text = format!("{start}web,db {KEY} a comment\r");
            let line = Line::parse(text.as_bytes()).unwrap();
            assert_eq!(line.marker, marker);
            assert!(line.is_for("web") && line.is_for("db") && line.key().is_some());
            assert_eq!(line.comment(), b"a comment\r");
        }
    }

    #[test]
    fn what_is_not_of_the_format_is_passed_over() {
        for bad in [
            "",
            "  ",
            "# web ssh-ed25519 AAAA",
            "web",
            "\0web",
            "@odd web t k",
            "@revoked",
            "@revoked @revoked web t k",
            // The space that ends the marker is the one behind `web`.
            "@revoked\tweb t k",
        ] {
            assert_eq!(Line::parse(bad.as_bytes()), None, "{bad}");
        }
        let cut = format!("web {}\0", KEY.split_at(30).0);
        assert_eq!(Line::parse(cut.as_bytes()).unwrap().key(), None);
    }
}
