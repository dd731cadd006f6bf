//! Encryption of PEM keys in the old way (RFC 1421, and OpenSSL's
//! `EVP_BytesToKey` with MD5 over passphrase and salt), which ssh-keygen's
//! `-m PEM` writes to this day.

use aes::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use aes::{Aes128, Aes192, Aes256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The initialisation vector's length; its first half is the salt.
const IV_BYTES: usize = 16;
const SALT_BYTES: usize = 8;

/// Why such a key cannot be decrypted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PemError {
    /// A cipher that is not known here.
    Cipher(String),
    /// Not of the format.
    Damaged(&'static str),
    /// A wrong passphrase, as far as that can be told.
    Passphrase,
}

/// Whether `text` is encrypted in this way.
pub(super) fn is_encrypted(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
}

/// The same key as PEM without encryption.
pub(super) fn decrypt(text: &str, passphrase: &str) -> Result<Zeroizing<String>, PemError> {
    let mut lines = text.lines().map(str::trim);
    let begin = lines
        .find(|line| line.starts_with("-----BEGIN "))
        .ok_or(PemError::Damaged("it has no BEGIN line"))?;
    let mut dek = None;
    let mut body = String::new();
    for line in lines {
        if line.starts_with("-----END ") {
            break;
        }
        if let Some(value) = line.strip_prefix("DEK-Info:") {
            dek = Some(value.trim());
        } else if !line.contains(':') {
            body.push_str(line);
        }
    }
    let (cipher, iv) = dek
        .and_then(|dek| dek.split_once(','))
        .ok_or(PemError::Damaged("it does not say how it is encrypted"))?;
    let key_bytes = match cipher {
        "AES-128-CBC" => 16,
        "AES-192-CBC" => 24,
        "AES-256-CBC" => 32,
        other => {
            let name = other.chars().filter(char::is_ascii_graphic).take(32);
            return Err(PemError::Cipher(name.collect()));
        }
    };
    let iv = hex(iv.trim()).ok_or(PemError::Damaged("its initialisation vector is no such"))?;
    let mut sealed = STANDARD
        .decode(body)
        .map(Zeroizing::new)
        .map_err(|_no_base64| PemError::Damaged("it is not base64"))?;
    let (salt, _) = iv.split_at(SALT_BYTES);
    let key = derive(passphrase.as_bytes(), salt, key_bytes);
    let opened = open(&key, &iv, &mut sealed).ok_or(PemError::Passphrase)?;
    let end = begin.replacen("BEGIN", "END", 1);
    let encoded = Zeroizing::new(STANDARD.encode(opened));
    Ok(Zeroizing::new(format!("{begin}\n{}\n{end}\n", *encoded)))
}

fn open<'a>(key: &[u8], iv: &[u8; IV_BYTES], sealed: &'a mut [u8]) -> Option<&'a [u8]> {
    macro_rules! with {
        ($cipher:ty) => {
            cbc::Decryptor::<$cipher>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded::<Pkcs7>(sealed)
                .ok()
        };
    }
    match key.len() {
        16 => with!(Aes128),
        24 => with!(Aes192),
        _ => with!(Aes256),
    }
}

/// MD5 of the digest before, the passphrase and the salt, until it is enough.
fn derive(passphrase: &[u8], salt: &[u8], bytes: usize) -> Zeroizing<Vec<u8>> {
    let mut key = Zeroizing::new(Vec::with_capacity(48));
    let mut last: Option<md5::Digest> = None;
    while key.len() < bytes {
        let mut context = md5::Context::new();
        if let Some(last) = last {
            context.consume(last.0);
        }
        context.consume(passphrase);
        context.consume(salt);
        let digest = context.finalize();
        key.extend_from_slice(&digest.0);
        last = Some(digest);
    }
    key.truncate(bytes);
    key
}

fn hex(text: &str) -> Option<[u8; IV_BYTES]> {
    if text.len() != 2 * IV_BYTES || !text.is_ascii() {
        return None;
    }
    let mut bytes = [0; IV_BYTES];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
