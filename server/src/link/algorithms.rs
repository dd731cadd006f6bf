//! Which algorithms are offered, and in which order.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher};

/// AES first where the processor has it: a bare exec over AES-GCM takes a
/// third of the time that `ChaCha20` takes there. CBC, SHA-1 and group 1 are in
/// no list (SECURITY 9).
const CIPHERS_WITH_AES: &[cipher::Name] = &[
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];
const CIPHERS_WITHOUT_AES: &[cipher::Name] = &[
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// Host-key algorithms; `ssh-rsa` with SHA-1 is not among them.
const HOST_KEYS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP256,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP384,
    },
    Algorithm::Ecdsa {
        curve: EcdsaCurve::NistP521,
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha512),
    },
    Algorithm::Rsa {
        hash: Some(HashAlg::Sha256),
    },
];

/// What to offer to a host of which known_hosts has keys of the types
/// `known_types` (`ssh-ed25519`, ...): those first, as ssh(1) does, so that the
/// server shows a key that can be compared. Certificates are asked for when
/// somebody is known who `certifies` the host: a server that has one shows it.
pub(super) fn preferred(known_types: &[String], certifies: bool) -> Preferred {
    let known = |algorithm: &&Algorithm| {
        let plain = match algorithm {
            Algorithm::Rsa { .. } => "ssh-rsa",
            other => other.as_str(),
        };
        known_types.iter().any(|name| name == plain)
    };
    let (mut keys, others): (Vec<&Algorithm>, Vec<&Algorithm>) = HOST_KEYS.iter().partition(known);
    keys.extend(others);
    let ciphers = if processor_has_aes() {
        CIPHERS_WITH_AES
    } else {
        CIPHERS_WITHOUT_AES
    };
    let mut offer = Preferred::DEFAULT;
    let keys: Vec<Algorithm> = keys.into_iter().cloned().collect();
    if certifies {
        offer.host_key_certificates = Cow::Owned(keys.clone());
    }
    offer.key = Cow::Owned(keys);
    offer.cipher = Cow::Borrowed(ciphers);
    offer.compression = Cow::Borrowed(&[russh::compression::NONE]);
    offer
}

#[cfg(target_arch = "x86_64")]
fn processor_has_aes() -> bool {
    std::arch::is_x86_feature_detected!("aes")
}

#[cfg(target_arch = "aarch64")]
fn processor_has_aes() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn processor_has_aes() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_types_that_known_hosts_has_are_offered_first() {
        let offer = preferred(&["ssh-rsa".into()], true);
        assert_eq!(
            offer.key[0],
            Algorithm::Rsa {
                hash: Some(HashAlg::Sha512)
            }
        );
        assert_eq!(offer.key[2], Algorithm::Ed25519);
        assert_eq!(offer.key.len(), HOST_KEYS.len());
        assert_eq!(offer.host_key_certificates, offer.key);
    }

    #[test]
    fn nothing_old_is_offered() {
        let offer = preferred(&[], false);
        assert!(offer.host_key_certificates.is_empty());
        assert!(offer.kex.iter().all(|kex| !kex.as_ref().ends_with("sha1")));
        assert!(
            offer
                .cipher
                .iter()
                .all(|cipher| !cipher.as_ref().contains("cbc"))
        );
        assert!(
            offer
                .mac
                .iter()
                .all(|mac| !mac.as_ref().starts_with("hmac-sha1"))
        );
        assert!(!offer.key.contains(&Algorithm::Rsa { hash: None }));
        assert_eq!(offer.kex[0].as_ref(), "mlkem768x25519-sha256");
    }
}
