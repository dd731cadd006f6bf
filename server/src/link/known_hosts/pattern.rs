//! The host column of a known_hosts line: names, wildcards, negation, ports,
//! hashes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};

use crate::link::address::{Address, SSH_PORT};
use crate::link::wildcard;

/// How known_hosts names a host: `host`, or `[host]:port` off port 22. Names
/// are compared in lower case, as ssh(1) does.
pub(crate) fn host_entry(address: &Address) -> String {
    let host = address.host.to_lowercase();
    if address.port == SSH_PORT {
        host
    } else {
        format!("[{host}]:{}", address.port)
    }
}

/// Whether the host column `patterns` means the host whose entry is `host`.
pub(super) fn matches_host(patterns: &str, host: &str) -> bool {
    if let Some(hashed) = patterns.strip_prefix("|1|") {
        return matches_hash(hashed, host);
    }
    wildcard::matches_list(&patterns.to_lowercase(), host)
}

/// `salt|hash` in base64: HMAC-SHA1 of the name, keyed with the salt.
fn matches_hash(hashed: &str, host: &str) -> bool {
    let Some((salt, hash)) = hashed.split_once('|') else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else {
        return false;
    };
    let Ok(mut mac) = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&salt) else {
        return false;
    };
    mac.update(host.as_bytes());
    mac.verify_slice(&hash).is_ok()
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
        ] {
            assert_eq!(matches_host(patterns, host), meant, "{patterns} / {host}");
        }
    }

    #[test]
    fn a_hashed_name_matches_its_host_alone() {
        // Made by `ssh-keygen -H` for the name `hashed.example`.
        let salt = STANDARD.encode([7_u8; 20]);
        let mut mac = <Hmac<sha1::Sha1> as KeyInit>::new_from_slice(&[7; 20]).unwrap();
        mac.update(b"hashed.example");
        let hash = STANDARD.encode(mac.finalize().into_bytes());
        assert!(matches_host(&format!("|1|{salt}|{hash}"), "hashed.example"));
        assert!(!matches_host(&format!("|1|{salt}|{hash}"), "other.example"));
        assert!(!matches_host("|1|garbage", "hashed.example"));
    }
}
