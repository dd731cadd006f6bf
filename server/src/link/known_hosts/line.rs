//! One line of a known_hosts file.

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

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line<'a> {
    pub(super) marker: Marker,
    pub(super) patterns: &'a str,
    pub(super) key_type: &'a str,
    /// The key's blob in base64.
    pub(super) key: &'a str,
}

impl<'a> Line<'a> {
    /// The line, unless it is blank, a comment, or not of the format: ssh(1)
    /// passes over bad lines, and so do we.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let mut words = text.split_ascii_whitespace();
        let first = words.next()?;
        let (marker, patterns) = match first {
            "@revoked" => (Marker::Revoked, words.next()?),
            "@cert-authority" => (Marker::CertAuthority, words.next()?),
            other if other.starts_with('@') => return None,
            other => (Marker::None, other),
        };
        let (key_type, key) = (words.next()?, words.next()?);
        Some(Self {
            marker,
            patterns,
            key_type,
            key,
        })
    }

    /// Whether it speaks of the host whose entry is `host`.
    pub(super) fn is_for(&self, host: &str) -> bool {
        matches_host(self.patterns, host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_marker_hosts_type_and_key() {
        let line = Line::parse("@revoked web,db ssh-ed25519 AAAA a comment").unwrap();
        assert_eq!(line.marker, Marker::Revoked);
        assert_eq!(
            (line.patterns, line.key_type, line.key),
            ("web,db", "ssh-ed25519", "AAAA")
        );
    }

    #[test]
    fn what_is_not_of_the_format_is_passed_over() {
        for bad in [
            "",
            "  ",
            "# web ssh-ed25519 AAAA",
            "web",
            "web ssh-ed25519",
            "@odd web t k",
        ] {
            assert_eq!(Line::parse(bad), None, "{bad}");
        }
    }
}
