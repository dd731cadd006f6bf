//! The host column of a known_hosts line: names, wildcards, negation, ports,
//! hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use crate::link::wildcard;

/// A pattern of this many bytes or more spoils its line, as in ssh(1).
const PATTERN_MAX_BYTES: usize = 1023;

/// A salt's length, SHA-1's: ssh(1) passes over any other.
const SALT_BYTES: usize = 20;

/// Whether the host column `patterns` means the host whose entry is `host`,
/// which is in lower case.
pub(super) fn matches_host(patterns: &[u8], host: &str) -> bool {
    if patterns.starts_with(b"|") {
        return matches_hash(patterns, host).unwrap_or(false);
    }
    let mut matched = false;
    for pattern in patterns.split(|byte| *byte == b',') {
        let negated = pattern.strip_prefix(b"!");
        let pattern = negated.unwrap_or(pattern).to_ascii_lowercase();
        if pattern.len() >= PATTERN_MAX_BYTES {
            return false;
        }
        if wildcard::matches(&pattern, host) {
            // A negated match wins wherever it stands.
            if negated.is_some() {
                return false;
            }
            matched = true;
        }
    }
    matched
}

/// `|1|salt|hash` in base64: HMAC-SHA1 of the name, keyed with the salt. ssh(1)
/// compares the text that it would write itself, so one spelling alone counts.
fn matches_hash(hashed: &[u8], host: &str) -> Option<bool> {
    let rest = hashed.strip_prefix(b"|1|")?;
    let end = rest.iter().position(|byte| *byte == b'|')?;
    let (salt, hash) = rest.split_at_checked(end)?;
    let hash = hash.strip_prefix(b"|")?;
    let (salt, hash) = (STANDARD.decode(salt).ok()?, STANDARD.decode(hash).ok()?);
    if salt.len() != SALT_BYTES {
        return None;
    }
    let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&salt).ok()?;
    mac.update(host.as_bytes());
    Some(mac.verify_slice(&hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_column_means_what_ssh_takes_it_to_mean() {
        for (patterns, host, meant) in [
            ("web", "web", true),
            ("WEB", "web", true),
            ("web,10.0.0.1", "10.0.0.1", true),
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com,!bad.example.com", "bad.example.com", false),
            ("!bad.example.com,*.example.com", "good.example.com", true),
            ("!bad", "good", false),
            ("10.0.0.?", "10.0.0.7", true),
            ("10.0.0.?", "10.0.0.70", false),
            ("[web]:2222", "[web]:2222", true),
            ("web", "[web]:2222", false),
            ("*", "anything", true),
            ("**a*b", "xxaxxb", true),
            ("", "web", false),
            ("web,", "web", true),
            (",,web", "web", true),
            ("!!web,*", "web", true),
            ("|web", "|web", false),
        ] {
            assert_eq!(
                matches_host(patterns.as_bytes(), host),
                meant,
                "{patterns} / {host}"
            );
        }
    }

    #[test]
    fn a_pattern_that_is_too_long_spoils_its_line() {
        let line = |length: usize| format!("web,{}", "a".repeat(length));
        assert!(matches_host(line(PATTERN_MAX_BYTES - 1).as_bytes(), "web"));
        assert!(!matches_host(line(PATTERN_MAX_BYTES).as_bytes(), "web"));
    }

    #[test]
    fn a_hashed_name_matches_its_host_alone() {
        let salt = STANDARD.encode([7_u8; SALT_BYTES]);
        let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&[7; SALT_BYTES]).unwrap();
        mac.update(b"hashed.example");
        let hash = STANDARD.encode(mac.finalize().into_bytes());
        let line = format!("|1|{salt}|{hash}");
        assert!(matches_host(line.as_bytes(), "hashed.example"));
        for (line, host) in [
            (line.clone(), "other.example"),
            (format!("{line},web"), "hashed.example"),
            (format!("web,{line}"), "hashed.example"),
            ("|1|garbage".to_owned(), "hashed.example"),
        ] {
            assert!(!matches_host(line.as_bytes(), host), "{line}");
        }
    }
}
