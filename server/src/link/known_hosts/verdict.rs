//! Whether a server's key may be taken: pure, from what the files say and
//! what the caller allowed.

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, HashAlg};

use super::certificate;
use super::certificate_fault::CertificateFault;
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
    /// Shown with a certificate that is not taken, in no file, not allowed.
    BadCertificate(CertificateFault),
    /// Another key of its type stands here: stop, whatever was allowed.
    Changed(Place),
    /// Revoked here: stop, whatever was allowed.
    Revoked(Place),
}

/// Judges a server's key and the certificate that it came with, at `now` in
/// seconds since 1970.
///
/// As ssh(1) does, a key whose certificate is not taken is judged as if it had
/// come alone; only a forged signature ends it. And a key or signer that is
/// known for the host without a port is taken for `[host]:port` too while that
/// has none of its own; such an entry never makes a key a changed one. Unlike
/// ssh(1), one that it revokes is refused.
pub(crate) fn judge(
    known: &Known,
    policy: &Policy,
    key: &KeyData,
    certificate: Option<&Certificate>,
    now: u64,
) -> Verdict {
    if *policy == Policy::Unchecked {
        return Verdict::Accept;
    }
    let signer = certificate.map(Certificate::signature_key);
    let revoked = |entry: &&Entry| {
        let keys = std::iter::once(key).chain(signer);
        keys.into_iter().any(|key| entry.revokes(key))
    };
    if let Some(entry) = known.every_entry().find(revoked) {
        return Verdict::Revoked(entry.place.clone());
    }
    let fault = match certificate.map(|shown| certificate::check(shown, known, now)) {
        Some(Ok(())) => return Verdict::Accept,
        Some(Err(fault @ CertificateFault::Signature)) => return Verdict::BadCertificate(fault),
        Some(Err(fault)) => Some(fault),
        None => None,
    };
    match (judge_plain(known, policy, key), fault) {
        (Verdict::Unknown { .. }, Some(fault)) => Verdict::BadCertificate(fault),
        (verdict, _) => verdict,
    }
}

fn judge_plain(known: &Known, policy: &Policy, key: &KeyData) -> Verdict {
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

    use super::super::certificate::made::{NOW, ed25519, forged_by, signed_by};
    use super::super::known_as::KnownAs;
    use super::*;

    /// Three keys, `{KEY}`, `{OTHER}` and, of another type, `{RSA}`.
    fn with_keys(text: &str) -> String {
        let rsa = format!("ssh-rsa {}", STANDARD.encode(rsa_blob()));
        text.replace("{KEY}", &ed25519_line(1))
            .replace("{OTHER}", &ed25519_line(2))
            .replace("{RSA}", &rsa)
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
        judge(&known(text, "web"), policy, &ed25519(1), None, 0)
    }

    fn named() -> Policy {
        Policy::Fingerprint(fingerprint(&ed25519(1)))
    }

    fn at(line: usize) -> Place {
        Place {
            path: "kh".into(),
            line,
            is_ours: false,
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
        let verdict =
            |text, policy: &Policy| judge(&known(text, "web:2222"), policy, &ed25519(1), None, 0);
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
    fn a_certificate_that_is_not_taken_leaves_its_key_to_be_judged_alone() {
        let certificate = signed_by(9, "web");
        let judged = |text: &str, policy: &Policy| {
            let known = known(&text.replace("{CA}", &ed25519_line(9)), "web");
            judge(&known, policy, &ed25519(1), Some(&certificate), NOW)
        };
        let trusted = "@cert-authority * {CA}";
        assert_eq!(judged(trusted, &Policy::Strict), Verdict::Accept);
        let beside = format!("web {{OTHER}}\n{trusted}");
        assert_eq!(judged(&beside, &Policy::Strict), Verdict::Accept);
        let signer = fingerprint(certificate.signature_key());
        let unknown = Verdict::BadCertificate(CertificateFault::Authority(signer));
        let other = "@cert-authority * {OTHER}";
        for (text, policy, expected) in [
            (other, Policy::Strict, unknown.clone()),
            ("web {RSA}", Policy::Strict, unknown),
            (other, named(), Verdict::AcceptAndRemember),
            (other, Policy::AcceptNew, Verdict::AcceptAndRemember),
            ("web {KEY}", Policy::Strict, Verdict::Accept),
            ("web {OTHER}", Policy::Strict, Verdict::Changed(at(1))),
            ("web {CA}", Policy::Strict, Verdict::Changed(at(1))),
        ] {
            assert_eq!(judged(text, &policy), expected, "{text}");
        }
        for revoked in ["{CA}", "{KEY}"] {
            let text = format!("{trusted}\n@revoked web {revoked}");
            assert_eq!(judged(&text, &named()), Verdict::Revoked(at(2)));
        }
    }

    #[test]
    fn a_forged_certificate_is_not_saved_by_its_key() {
        let forged = forged_by(9, "web");
        let text = format!("web {{KEY}}\n@cert-authority * {}", ed25519_line(9));
        let judged = judge(
            &known(&text, "web"),
            &named(),
            &ed25519(1),
            Some(&forged),
            NOW,
        );
        assert_eq!(judged, Verdict::BadCertificate(CertificateFault::Signature));
    }

    #[test]
    fn off_port_22_the_signers_of_the_name_without_the_port_count_unless_it_has_its_own() {
        let certificate = signed_by(9, "web");
        let ca = format!("@cert-authority web {}", ed25519_line(9));
        for (more, accepted) in [("", true), ("\n@cert-authority [web]:2222 {OTHER}", false)] {
            let known = known(&format!("{ca}{more}"), "web:2222");
            let judged = judge(
                &known,
                &Policy::Strict,
                &ed25519(1),
                Some(&certificate),
                NOW,
            );
            assert_eq!(judged == Verdict::Accept, accepted, "{more}");
        }
    }

    #[test]
    fn the_types_offered_first_are_the_hosts_own_else_those_without_the_port() {
        let types = |text| known(text, "web:2222").key_types();
        assert_eq!(types("web {RSA}"), ["ssh-rsa"]);
        assert_eq!(types("web {RSA}\n[web]:2222 {KEY}"), ["ssh-ed25519"]);
        assert_eq!(types("@revoked * {KEY}\n@cert-authority * {RSA}"), [""; 0]);
    }
}
