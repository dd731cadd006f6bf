//! Key pairs, made by the real `ssh-keygen`.

use std::path::{Path, PathBuf};

use crate::programs;

/// A key pair on disk.
#[derive(Debug, Clone)]
pub struct Key {
    /// The private key; the public one lies beside it with `.pub`.
    pub path: PathBuf,
}

impl Key {
    /// A new ed25519 pair at `path`, replacing what is there.
    pub fn new(path: &Path, passphrase: &str) -> Self {
        Self::of(path, &["ed25519"], passphrase)
    }

    /// Encrypts its file with `passphrase`.
    pub fn lock(&self, passphrase: &str) {
        self.change_passphrase("", passphrase);
    }

    /// Decrypts it again.
    pub fn unlock(&self, passphrase: &str) {
        self.change_passphrase(passphrase, "");
    }

    fn change_passphrase(&self, old: &str, new: &str) {
        let output = programs::command("ssh_keygen")
            .args(["-q", "-p", "-P", old, "-N", new, "-f"])
            .arg(&self.path)
            .output()
            .expect("ssh-keygen starts");
        assert!(output.status.success(), "ssh-keygen: {output:?}");
    }

    /// The same of another kind, as ssh-keygen's `-t` takes it, and what
    /// follows.
    pub fn of(path: &Path, kind: &[&str], passphrase: &str) -> Self {
        let public = path.with_extension("pub");
        for old in [path, &public] {
            if old.exists() {
                std::fs::remove_file(old).expect("the old key goes");
            }
        }
        let output = programs::command("ssh_keygen")
            .args(["-q", "-C", "story", "-N", passphrase, "-f"])
            .arg(path)
            .arg("-t")
            .args(kind)
            .output()
            .expect("ssh-keygen starts");
        assert!(output.status.success(), "ssh-keygen: {output:?}");
        Self {
            path: path.to_path_buf(),
        }
    }

    /// The public key's line, `ssh-ed25519 AAAA... story`.
    pub fn public_line(&self) -> String {
        let path = self.path.with_extension("pub");
        std::fs::read_to_string(path)
            .expect("the public key")
            .trim()
            .to_owned()
    }

    /// Has this authority sign `key` as a host's, with more `arguments` of
    /// ssh-keygen's; the certificate lies beside it with `-cert.pub`.
    pub fn certify_host(&self, key: &Key, arguments: &[&str]) {
        self.certify(key, &[&["-h"], arguments].concat());
    }

    /// The same as the key of `user`.
    pub fn certify_user(&self, key: &Key, user: &str, arguments: &[&str]) {
        self.certify(key, &[&["-n", user], arguments].concat());
    }

    fn certify(&self, key: &Key, arguments: &[&str]) {
        let output = programs::command("ssh_keygen")
            .args(["-q", "-I", "story", "-s"])
            .arg(&self.path)
            .args(arguments)
            .arg(key.path.with_extension("pub"))
            .output()
            .expect("ssh-keygen starts");
        assert!(output.status.success(), "ssh-keygen: {output:?}");
    }

    /// Its certificate, once there is one.
    pub fn certificate(&self) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push("-cert.pub");
        name.into()
    }

    /// `SHA256:...`.
    pub fn fingerprint(&self) -> String {
        let output = programs::command("ssh_keygen")
            .arg("-lf")
            .arg(self.path.with_extension("pub"))
            .output()
            .expect("ssh-keygen starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace()
            .nth(1)
            .expect("a fingerprint")
            .to_owned()
    }
}
