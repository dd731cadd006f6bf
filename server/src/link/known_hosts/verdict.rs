//! Whether a server's key may be taken: pure, from what the files say and
//! what the caller allowed.

use russh::keys::HashAlg;
use russh::keys::ssh_key::public::KeyData;

use super::files::{Entry, Known};
use super::place::Place;

/// What the caller allows of a host that is in no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Policy {
    /// Only known keys.
    #[default]
    Strict,
    /// This key, by its `SHA256:...` fingerprint; remembered.
    Fingerprint(String),
    /// Any first key; remembered.
    AcceptNew,
    /// No check at all (`insecure`).
    Unchecked,
}

/// What becomes of a server's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Accept,
    /// Go on once it was remembered.
    AcceptAndRemember,
    /// In no file and not allowed.
    Unknown {
        /// A key of another type stands here.
        others: Option<Place>,
    },
    /// Another key of its type stands here: stop, whatever was allowed.
    Changed(Place),
    /// Revoked here: stop, whatever was allowed.
    Revoked(Place),
}

/// Judges a server's key.
///
/// As ssh(1) does, a key that is known for the host without a port is taken
/// for `[host]:port` too while that has no key of its own; such an entry never
/// makes a key a changed one. Unlike ssh(1), one that it revokes is refused.
pub(crate) fn judge(known: &Known, policy: &Policy, key: &KeyData) -> Verdict {
    if *policy == Policy::Unchecked {
        return Verdict::Accept;
    }
    let mut every = known.entries.iter().chain(&known.without_port);
    if let Some(entry) = every.find(|entry| entry.revokes(key)) {
        return Verdict::Revoked(entry.place.clone());
    }
    let plain: Vec<&Entry> = known.entries.iter().filter(|e| e.is_plain()).collect();
    if plain.iter().any(|entry| entry.vouches_for(key)) {
        return Verdict::Accept;
    }
    if plain.is_empty() && known.without_port.iter().any(|e| e.vouches_for(key)) {
        return Verdict::Accept;
    }
    if let Some(entry) = plain.iter().find(|entry| entry.is_of_type(key)) {
        return Verdict::Changed(entry.place.clone());
    }
    let others = plain.first().map(|entry| entry.place.clone());
    match policy {
        Policy::Fingerprint(accepted) if *accepted == fingerprint(key) => {
            Verdict::AcceptAndRemember
        }
        // A server that hides its known key behind another type is no new one.
        Policy::AcceptNew if others.is_none() => Verdict::AcceptAndRemember,
        _ => Verdict::Unknown { others },
    }
}

/// `SHA256:...`, as ssh-keygen(1) shows it.
pub(crate) fn fingerprint(key: &KeyData) -> String {
    key.fingerprint(HashAlg::Sha256).to_string()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use russh::keys::PublicKey;
    use russh::keys::ssh_key::public::Ed25519PublicKey;

    use super::super::known_as::KnownAs;
    use super::*;

    /// Three keys, `{KEY}`, `{OTHER}` and, of another type, `{RSA}`.
    fn with_keys(text: &str) -> String {
        let rsa = format!("ssh-rsa {}", STANDARD.encode(rsa_blob()));
        text.replace("{KEY}", &ed25519_line(1))
            .replace("{OTHER}", &ed25519_line(2))
            .replace("{RSA}", &rsa)
    }

    fn ed25519(filler: u8) -> KeyData {
        KeyData::Ed25519(Ed25519PublicKey([filler; 32]))
    }

    fn ed25519_line(filler: u8) -> String {
        PublicKey::new(ed25519(filler), "").to_openssh().unwrap()
    }

    fn rsa_blob() -> Vec<u8> {
        let modulus = [&[0][..], &[0xab; 128]].concat();
        let parts: [&[u8]; 3] = [b"ssh-rsa", &[1, 0, 1], &modulus];
        parts
            .iter()
            .flat_map(|part| {
                let length = u32::try_from(part.len()).unwrap();
                [&length.to_be_bytes()[..], part].concat()
            })
            .collect()
    }

    fn known(text: &str, address: &str) -> Known {
        let mut known = Known::new(KnownAs::new(&address.parse().unwrap(), None));
        known.add(with_keys(text).as_bytes(), Path::new("kh"));
        known
    }

    /// What becomes of `{KEY}`.
    fn verdict(text: &str, policy: &Policy) -> Verdict {
        judge(&known(text, "web"), policy, &ed25519(1))
    }

    fn named() -> Policy {
        Policy::Fingerprint(fingerprint(&ed25519(1)))
    }

    fn at(line: usize) -> Place {
        Place {
            path: "kh".into(),
            line,
        }
    }

    #[test]
    fn a_key_that_stands_there_is_taken_also_as_the_second_of_its_type() {
        assert_eq!(verdict("web {KEY}", &Policy::Strict), Verdict::Accept);
        let two = "web {OTHER}\nweb {KEY}";
        assert_eq!(verdict(two, &Policy::Strict), Verdict::Accept);
    }

    #[test]
    fn an_unknown_host_needs_the_callers_word() {
        let unknown = Verdict::Unknown { others: None };
        let other = Policy::Fingerprint(fingerprint(&ed25519(2)));
        for (text, policy) in [
            ("", Policy::Strict),
            ("", other),
            ("db {KEY}", Policy::Strict),
            ("@cert-authority web {KEY}", Policy::Strict),
        ] {
            assert_eq!(verdict(text, &policy), unknown, "{text}");
        }
        assert_eq!(verdict("", &named()), Verdict::AcceptAndRemember);
        assert_eq!(verdict("", &Policy::AcceptNew), Verdict::AcceptAndRemember);
    }

    #[test]
    fn a_changed_or_revoked_key_stops_whatever_was_allowed() {
        let changed = "# note\nweb {OTHER}";
        let revoked = "web {KEY}\n@revoked * {KEY}";
        for policy in [Policy::Strict, Policy::AcceptNew, named()] {
            assert_eq!(verdict(changed, &policy), Verdict::Changed(at(2)));
            assert_eq!(verdict(revoked, &policy), Verdict::Revoked(at(2)));
        }
    }

    #[test]
    fn a_key_of_another_type_is_no_new_host_for_accept_new() {
        let other = Verdict::Unknown {
            others: Some(at(1)),
        };
        assert_eq!(verdict("web {RSA}", &Policy::AcceptNew), other);
        assert_eq!(verdict("web {RSA}", &named()), Verdict::AcceptAndRemember);
    }

    #[test]
    fn off_port_22_the_name_without_the_port_vouches_but_never_changes() {
        let verdict = |text, policy: &Policy| judge(&known(text, "web:2222"), policy, &ed25519(1));
        let own = "[web]:2222 {OTHER}\nweb {KEY}";
        for (text, expected) in [
            ("web {KEY}", Verdict::Accept),
            ("[web]:2222 {KEY}\nweb {OTHER}", Verdict::Accept),
            ("web {OTHER}", Verdict::Unknown { others: None }),
            (own, Verdict::Changed(at(1))),
            ("@revoked web {KEY}", Verdict::Revoked(at(1))),
            ("[web]:2223 {KEY}", Verdict::Unknown { others: None }),
        ] {
            assert_eq!(verdict(text, &Policy::Strict), expected, "{text}");
        }
        let remembered = verdict("web {OTHER}", &Policy::AcceptNew);
        assert_eq!(remembered, Verdict::AcceptAndRemember);
    }

    #[test]
    fn the_types_offered_first_are_the_hosts_own_else_those_without_the_port() {
        let types = |text| known(text, "web:2222").key_types();
        assert_eq!(types("web {RSA}"), ["ssh-rsa"]);
        assert_eq!(types("web {RSA}\n[web]:2222 {KEY}"), ["ssh-ed25519"]);
        assert_eq!(types("@revoked * {KEY}\n@cert-authority * {RSA}"), [""; 0]);
    }
}
