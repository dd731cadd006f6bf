//! The key of a `known_hosts` line, read as strictly as ssh(1) reads it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russh::keys::ssh_key::public::{EcdsaPublicKey, KeyData};
use russh::keys::{Algorithm, PublicKey};

/// RSA moduli below this many bits are no keys to OpenSSH.
const RSA_MIN_BITS: usize = 1024;

/// The first byte of a point in full; OpenSSH takes no other encoding.
const POINT_UNCOMPRESSED: u8 = 4;

/// What a line has as its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    /// The key, or the one that the certificate certifies.
    pub(super) data: KeyData,
    /// A certificate stands there instead of a key. As a plain entry it equals
    /// no key; as a revocation or an authority its key counts.
    pub(super) certificate: bool,
}

impl Key {
    /// Reads `TYPE BASE64`, and what follows is a comment. None where ssh(1)
    /// passes over the line: an unknown type, no base64, a blob that is cut,
    /// too long or of another type than the line says.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
        let mut words = text.split(blank).filter(|word| !word.is_empty());
        let (name, base64) = (words.next()?, words.next()?);
        let said = Type::named(name)?;
        // OpenSSH's decoder passes over white space, the CR of a CRLF above all.
        let base64: Vec<u8> = base64
            .iter()
            .copied()
            .filter(|byte| !matches!(byte, b'\r' | b'\x0b' | b'\x0c'))
            .collect();
        Self::from_blob(&STANDARD.decode(base64).ok()?, &said)
    }

    fn from_blob(blob: &[u8], said: &Type) -> Option<Self> {
        let (name, mut fields) = string(blob)?;
        if Type::named(name)? != *said {
            return None;
        }
        if said.certificate {
            // After the nonce comes the key. What follows it is not needed:
            // such a line vouches for nothing but its key.
            (_, fields) = string(fields)?;
        }
        let data = KeyData::decode_as(&mut &*fields, said.algorithm.clone()).ok()?;
        // The decoder passes over what is too long inside a field.
        let again = PublicKey::from(data.clone()).to_bytes().ok()?;
        let rest = fields.strip_prefix(string(&again)?.1)?;
        let whole = said.certificate || rest.is_empty();
        (whole && is_sound(&data)).then_some(Self {
            data,
            certificate: said.certificate,
        })
    }
}

/// What a type's name says.
#[derive(Debug, PartialEq, Eq)]
struct Type {
    algorithm: Algorithm,
    certificate: bool,
}

impl Type {
    /// Names of signature algorithms stand for their keys, as OpenSSH has it.
    fn named(name: &[u8]) -> Option<Self> {
        let name = str::from_utf8(name).ok()?;
        let certificate = name.ends_with("-cert-v01@openssh.com");
        let algorithm = if certificate {
            Algorithm::new_certificate(name)
        } else {
            Algorithm::new(name)
        };
        let algorithm = match algorithm.ok()? {
            Algorithm::Rsa { .. } => Algorithm::Rsa { hash: None },
            Algorithm::Other(_) => return None,
            known => known,
        };
        Some(Self {
            algorithm,
            certificate,
        })
    }
}

fn is_sound(data: &KeyData) -> bool {
    match data {
        KeyData::Rsa(key) => key
            .n()
            .as_positive_bytes()
            .is_some_and(|modulus| bits(modulus) >= RSA_MIN_BITS),
        KeyData::Ecdsa(key) => is_uncompressed(key.as_sec1_bytes()),
        KeyData::SkEcdsaSha2NistP256(key) => {
            is_uncompressed(EcdsaPublicKey::NistP256(*key.ec_point()).as_sec1_bytes())
        }
        _ => true,
    }
}

fn is_uncompressed(point: &[u8]) -> bool {
    point.first() == Some(&POINT_UNCOMPRESSED)
}

fn bits(number: &[u8]) -> usize {
    let zeros = number
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    number.len() * 8 - zeros
}

/// An SSH string at the start of `bytes`, and what follows it.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f";

    #[test]
    fn what_ssh_takes_is_a_key() {
        for text in [
            format!("ssh-ed25519 {ED25519}"),
            format!("ssh-ed25519 \t {ED25519} a comment"),
            format!("ssh-ed25519 {ED25519}\r"),
        ] {
            let key = Key::parse(text.as_bytes()).unwrap();
            assert_eq!(key.data.algorithm(), Algorithm::Ed25519);
            assert!(!key.certificate);
        }
    }

    #[test]
    fn what_ssh_passes_over_is_none() {
        for text in [
            String::new(),
            "ssh-ed25519".to_owned(),
            "ssh-ed25519 ".to_owned(),
            "ssh-ed25519 KEY".to_owned(),
            format!("ssh-rsa {ED25519}"),
            format!("SSH-ED25519 {ED25519}"),
            format!("ssh-ed25519-cert-v01@openssh.com {ED25519}"),
            format!("no-such-type {ED25519}"),
            format!("ssh-ed25519 {ED25519}AAAA"),
            format!("ssh-ed25519 {}", ED25519.split_at(64).0),
            format!("ssh-ed25519 {ED25519}="),
        ] {
            assert_eq!(Key::parse(text.as_bytes()), None, "{text}");
        }
    }
}
