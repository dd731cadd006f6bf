//! Whether a host certificate vouches for its key (OpenSSH's PROTOCOL.certkeys),
//! once one of the host's `@cert-authority` lines has its signer.

use russh::keys::{Algorithm, Certificate, HashAlg};

use super::certificate_fault::CertificateFault;
use super::files::Known;
use crate::link::wildcard;

/// How many of a certificate's names an error shows, and how much of each: a
/// server that nobody vouches for wrote them.
const NAMES_SHOWN: usize = 3;
const NAME_SHOWN_BYTES: usize = 64;

/// Checks a certificate against what is known of the host, at `now` in seconds
/// since 1970, in the order of ssh(1). Whether it is revoked is not asked here.
/// russh has checked that the server has the certified key, and no more.
pub(super) fn check(
    certificate: &Certificate,
    known: &Known,
    now: u64,
) -> Result<(), CertificateFault> {
    let signer = certificate.signature_key();
    let signer_print = signer.fingerprint(HashAlg::Sha256);
    if !known.has_authority(signer) {
        return Err(CertificateFault::Authority(signer_print.to_string()));
    }
    if !certificate.cert_type().is_host() {
        return Err(CertificateFault::NotForHosts);
    }
    if now < certificate.valid_after() {
        return Err(CertificateFault::NotYetValid(certificate.valid_after()));
    }
    if now >= certificate.valid_before() {
        return Err(CertificateFault::Expired(certificate.valid_before()));
    }
    // As of OpenSSH 10.3: no name is no host, and names may have wildcards.
    let host = known.known_as().principal();
    let names = certificate.valid_principals();
    if !names.iter().any(|name| wildcard::matches(name, host)) {
        return Err(CertificateFault::Names(shown(names)));
    }
    if !certificate.critical_options().is_empty() {
        return Err(CertificateFault::Options);
    }
    if !is_safe(&certificate.signature().algorithm()) {
        return Err(CertificateFault::OldSignature);
    }
    certificate
        .validate_at(now, [&signer_print])
        .map_err(|error| {
            tracing::warn!(%error, "a host certificate's signature is wrong");
            CertificateFault::Signature
        })
}

/// OpenSSH's `CASignatureAlgorithms`: neither DSA nor RSA with SHA-1.
fn is_safe(signature: &Algorithm) -> bool {
    matches!(
        signature,
        Algorithm::Ed25519
            | Algorithm::Ecdsa { .. }
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Rsa { hash: Some(_) }
    )
}

fn shown(names: &[String]) -> String {
    let plain = |name: &String| -> String {
        let plain = name.chars().filter(char::is_ascii_graphic);
        plain.take(NAME_SHOWN_BYTES).collect()
    };
    let mut shown: Vec<String> = names.iter().take(NAMES_SHOWN).map(plain).collect();
    if names.len() > NAMES_SHOWN {
        shown.push(format!("{} more", names.len() - NAMES_SHOWN));
    }
    shown.join(", ")
}

/// Keys and certificates for tests.
#[cfg(test)]
pub(super) mod made {
    use russh::keys::ssh_key::certificate::{Builder, CertType};
    use russh::keys::ssh_key::private::Ed25519Keypair;
    use russh::keys::ssh_key::public::KeyData;
    use russh::keys::{Certificate, PrivateKey};

    /// When the certificates made here are valid.
    pub(crate) const NOW: u64 = 1_800_000_000;

    /// A pair of its own for each filler.
    fn pair(filler: u8) -> PrivateKey {
        PrivateKey::from(Ed25519Keypair::from_seed(&[filler; 32]))
    }

    pub(crate) fn ed25519(filler: u8) -> KeyData {
        pair(filler).public_key().key_data().clone()
    }

    /// Of the key 1, for an hour around [`NOW`], for `names`.
    pub(crate) fn builder(names: &[&str]) -> Builder {
        let mut builder = for_users(names);
        builder.cert_type(CertType::Host).unwrap();
        builder
    }

    /// The same for users, which is what a builder begins with.
    pub(crate) fn for_users(names: &[&str]) -> Builder {
        let mut builder = Builder::new([0; 16], ed25519(1), NOW - 1800, NOW + 1800).unwrap();
        for name in names {
            builder.valid_principal(*name).unwrap();
        }
        if names.is_empty() {
            builder.all_principals_valid().unwrap();
        }
        builder
    }

    /// Signed by the key `signer`.
    pub(crate) fn signed_by(signer: u8, name: &str) -> Certificate {
        builder(&[name]).sign(&pair(signer)).unwrap()
    }

    /// Signed by another than the key `signer` that it names.
    pub(crate) fn forged_by(signer: u8, name: &str) -> Certificate {
        let mut bytes = signed_by(signer, name).to_bytes().unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        Certificate::from_bytes(&bytes).unwrap()
    }

    /// `builder`, signed by the key 9.
    pub(crate) fn signed(builder: Builder) -> Certificate {
        builder.sign(&pair(9)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use russh::keys::PublicKey;

    use super::super::known_as::KnownAs;
    use super::made::{NOW, builder, ed25519, for_users, forged_by, signed, signed_by};
    use super::*;

    fn known(address: &str, alias: Option<&str>) -> Known {
        let mut known = Known::new(KnownAs::new(&address.parse().unwrap(), alias));
        let signer = PublicKey::from(ed25519(9)).to_openssh().unwrap();
        let text = format!("@cert-authority * {signer}");
        known.add(text.as_bytes(), Path::new("kh"));
        known
    }

    fn fault(certificate: &Certificate) -> Option<CertificateFault> {
        check(certificate, &known("web:2222", None), NOW).err()
    }

    #[test]
    fn a_certificate_is_for_hosts_of_its_names() {
        for (names, address, alias, fits) in [
            (&["web"][..], "web", None, true),
            (&["db", "web"], "WEB:2222", None, true),
            (&["*.example.com"], "a.example.com", None, true),
            (&["prod"], "web", Some("Prod"), true),
            (&["web"], "web", Some("prod"), false),
            (&["[web]:2222"], "web:2222", None, false),
            (&["web.example.com"], "web", None, false),
            (&["WEB"], "web", None, false),
            (&[], "web", None, false),
        ] {
            let certificate = signed(builder(names));
            let found = check(&certificate, &known(address, alias), NOW);
            assert_eq!(found.is_ok(), fits, "{names:?} {address} {alias:?}");
        }
    }

    #[test]
    fn a_certificate_counts_from_its_first_second_until_its_last() {
        let certificate = signed_by(9, "web");
        let (from, until) = (NOW - 1800, NOW + 1800);
        let faults = [from - 1, from, until - 1, until]
            .map(|now| check(&certificate, &known("web", None), now).err());
        let early = Some(CertificateFault::NotYetValid(from));
        let late = Some(CertificateFault::Expired(until));
        assert_eq!(faults, [early, None, None, late]);
    }

    #[test]
    fn a_certificate_that_is_wrong_in_any_way_says_in_which() {
        let mut optional = builder(&["web"]);
        optional.critical_option("force-command", "true").unwrap();
        for (certificate, words) in [
            (signed(for_users(&["web"])), "for users"),
            (signed(optional), "critical option"),
            (signed_by(8, "web"), "no @cert-authority line"),
            (forged_by(9, "web"), "forged"),
            (
                signed(builder(&["a", "b\u{1b}[2J", "c", "d"])),
                "for a, b[2J, c, 1 more, not",
            ),
            (signed(builder(&[])), "names no host"),
        ] {
            let said = fault(&certificate).unwrap().to_string();
            assert!(said.contains(words), "{said}");
        }
        let said = CertificateFault::Expired(NOW).to_string();
        assert_eq!(said, "it expired at 2027-01-15T08:00:00.000Z");
        assert!(
            CertificateFault::Expired(u64::MAX)
                .to_string()
                .contains("end of time")
        );
    }

    #[test]
    fn old_signatures_are_not_safe() {
        let safe = [
            "rsa-sha2-256",
            "rsa-sha2-512",
            "ssh-ed25519",
            "ecdsa-sha2-nistp521",
        ];
        for (name, expected) in safe.map(|name| (name, true)).into_iter().chain([
            ("ssh-rsa", false),
            ("ssh-dss", false),
            ("no-such-algorithm@example.com", false),
        ]) {
            assert_eq!(is_safe(&Algorithm::new(name).unwrap()), expected, "{name}");
        }
    }
}
