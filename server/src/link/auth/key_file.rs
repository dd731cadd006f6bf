//! Private key files: OpenSSH's own form, PEM (PKCS#1, SEC1) and PKCS#8, with a
//! passphrase or without.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use russh::keys::PrivateKey;

use super::pem::{self, PemError};
use crate::link::named_file::NamedFile;

/// A private key file is at most this long.
const FILE_MAX_BYTES: u64 = 1 << 20;

/// Permissions that others than the owner have.
const OTHERS: u32 = 0o077;

/// Why a private key file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The kernel's words.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// Others can read it: ssh(1) passes over such a key.
    #[error("others than its owner can use it (mode {mode:04o})")]
    Open {
        /// Of the file.
        mode: u32,
    },
    /// It has a passphrase and none was given.
    #[error("it has a passphrase and none was given")]
    PassphraseNeeded,
    /// It has another passphrase.
    #[error("the passphrase is wrong")]
    PassphraseWrong,
    /// It is encrypted with something that is not known here.
    #[error("it is encrypted with {0}, which is not known here")]
    Cipher(String),
    /// It is a public key.
    #[error("it is a public key")]
    Public,
    /// It is no private key, or of a form or type that is not known here.
    #[error("it is no private key of a known form: {0}")]
    Form(String),
}

impl KeyFileError {
    /// What a person does next about the file at `path`.
    pub(in crate::link) fn next_step(&self, path: &str) -> String {
        match self {
            Self::Open { .. } => format!("a person runs `chmod 600 {path}`, then ssh_reconnect"),
            Self::PassphraseNeeded | Self::PassphraseWrong => {
                "call ssh_connect with the same id and spec, and with the right \
                 spec.auth.key_passphrase; or load the key into an agent and call ssh_reconnect"
                    .into()
            }
            Self::Cipher(_) => {
                format!("a person runs `ssh-keygen -p -f {path}`, which rewrites it")
            }
            Self::Public => "name the private half, or load it into an agent".into(),
            Self::Read(_) | Self::Form(_) => {
                "name a private key file that this user can read".into()
            }
        }
    }
}

/// Reads the key at `path`. Blocking: reading, and deriving a key from the
/// passphrase, which takes a fraction of a second on purpose.
pub(super) fn load(path: &Path, passphrase: Option<&str>) -> Result<PrivateKey, KeyFileError> {
    let Some(file) = NamedFile::open(path)? else {
        return Err(KeyFileError::Form("it is no regular file".into()));
    };
    let found = file.metadata();
    // As ssh(1) does: another's file is their business.
    let mode = found.mode() & 0o777;
    if found.uid() == rustix::process::getuid().as_raw() && mode & OTHERS != 0 {
        return Err(KeyFileError::Open { mode });
    }
    let text = zeroize::Zeroizing::new(file.read(FILE_MAX_BYTES)?);
    let text =
        str::from_utf8(&text).map_err(|_no_text| KeyFileError::Form("it is no text".into()))?;
    read(text, passphrase)
}

fn read(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, KeyFileError> {
    if russh::keys::PublicKey::from_openssh(text.trim()).is_ok() {
        return Err(KeyFileError::Public);
    }
    if pem::is_encrypted(text) {
        let passphrase = passphrase.ok_or(KeyFileError::PassphraseNeeded)?;
        let plain = pem::decrypt(text, passphrase).map_err(|error| match error {
            PemError::Cipher(name) => KeyFileError::Cipher(name),
            PemError::Damaged(what) => KeyFileError::Form(what.into()),
            PemError::Passphrase => KeyFileError::PassphraseWrong,
        })?;
        // What a wrong passphrase makes of it may end like a padding.
        return decode(&plain, None).map_err(|_garbled| KeyFileError::PassphraseWrong);
    }
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        let passphrase = passphrase.ok_or(KeyFileError::PassphraseNeeded)?;
        return decode(text, Some(passphrase));
    }
    if text.contains("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return decode(text, passphrase);
    }
    // A passphrase for a key that has none is not needed.
    decode(text, None)
}

fn decode(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, KeyFileError> {
    use russh::keys::{Error, ssh_key};
    russh::keys::decode_secret_key(text, passphrase).map_err(|error| match error {
        Error::KeyIsEncrypted => KeyFileError::PassphraseNeeded,
        Error::SshKey(ssh_key::Error::Crypto | ssh_key::Error::Encrypted)
            if passphrase.is_some() =>
        {
            KeyFileError::PassphraseWrong
        }
        Error::Pkcs8(_) | Error::Pad(_) if passphrase.is_some() => KeyFileError::PassphraseWrong,
        other => KeyFileError::Form(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// Made by the real ssh-keygen, in `form` (`-m`) and with `passphrase`.
    fn made(folder: &Path, kind: &[&str], form: &str, passphrase: &str) -> std::path::PathBuf {
        let path = folder.join("key");
        for end in ["", ".pub"] {
            let _gone = std::fs::remove_file(folder.join(format!("key{end}")));
        }
        let output = ::tests::programs::command("ssh_keygen")
            .args(["-q", "-N", passphrase, "-m", form, "-f"])
            .arg(&path)
            .arg("-t")
            .args(kind)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        path
    }

    #[test]
    fn keys_of_every_kind_and_form_are_read_with_their_passphrase() {
        let folder = tempfile::tempdir().unwrap();
        let kinds: [&[&str]; 5] = [
            &["ed25519"],
            &["rsa", "-b", "2048"],
            &["ecdsa", "-b", "256"],
            &["ecdsa", "-b", "384"],
            &["ecdsa", "-b", "521"],
        ];
        for kind in kinds {
            for form in ["RFC4716", "PEM", "PKCS8"] {
                let plain = made(folder.path(), kind, form, "");
                load(&plain, None).unwrap();
                load(&plain, Some("needless")).unwrap();
                let locked = made(folder.path(), kind, form, "open sesame");
                let key = load(&locked, Some("open sesame")).unwrap();
                let public = std::fs::read_to_string(locked.with_extension("pub")).unwrap();
                let public = russh::keys::PublicKey::from_openssh(public.trim()).unwrap();
                assert_eq!(
                    key.public_key().key_data(),
                    public.key_data(),
                    "{kind:?} {form}"
                );
                let wrong = load(&locked, Some("wrong")).unwrap_err();
                assert!(
                    matches!(wrong, KeyFileError::PassphraseWrong),
                    "{kind:?} {form}: {wrong:?}"
                );
                let none = load(&locked, None).unwrap_err();
                assert!(
                    matches!(none, KeyFileError::PassphraseNeeded),
                    "{kind:?} {form}: {none:?}"
                );
            }
        }
    }

    #[test]
    fn what_is_no_safe_private_key_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let path = made(folder.path(), &["ed25519"], "RFC4716", "");
        let public = load(&path.with_extension("pub"), None).unwrap_err();
        assert!(matches!(public, KeyFileError::Open { .. }), "{public:?}");
        let text = std::fs::read_to_string(path.with_extension("pub")).unwrap();
        assert!(matches!(read(&text, None), Err(KeyFileError::Public)));
        assert!(matches!(read("no key", None), Err(KeyFileError::Form(_))));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let open = load(&path, None).unwrap_err();
        assert_eq!(
            open.to_string(),
            "others than its owner can use it (mode 0640)"
        );
        assert!(open.next_step("/k").contains("chmod 600 /k"));
        let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                   DEK-Info: DES-EDE3-CBC,0011223344556677\n\nAAAA\n-----END RSA PRIVATE KEY-----";
        let old = read(old, Some("x")).unwrap_err();
        assert!(old.to_string().contains("DES-EDE3-CBC"), "{old}");
        assert!(old.next_step("/k").contains("ssh-keygen -p -f /k"));
    }
}
