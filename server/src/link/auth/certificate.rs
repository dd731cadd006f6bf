//! User certificates: finding those of a key, and signing for them (OpenSSH's
//! PROTOCOL.certkeys).

use std::path::{Path, PathBuf};

use russh::Signer;
use russh::keys::agent::AgentIdentity;
use russh::keys::agent::client::AgentClient;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::public::KeyData;
use russh::keys::{Certificate, HashAlg, PrivateKey, ssh_key};
use tokio::net::UnixStream;

use crate::link::named_file::short_text;

/// The certificates of the key `public`: the one beside its file at `path`, and
/// those among the files `named` that are for it.
pub(super) async fn of_key(path: &Path, public: &KeyData, named: &[PathBuf]) -> Vec<Certificate> {
    let mut found: Vec<Certificate> = Vec::new();
    for path in named.iter().chain([&beside(path)]) {
        let Some(text) = short_text(path.clone()).await else {
            continue;
        };
        let Ok(certificate) = Certificate::from_openssh(text.trim()) else {
            tracing::warn!(path = %path.display(), "there is no certificate in the file");
            continue;
        };
        if certificate.public_key() == public && !found.contains(&certificate) {
            found.push(certificate);
        }
    }
    found
}

/// `KEY-cert.pub`, also for a `KEY.pub`.
fn beside(path: &Path) -> PathBuf {
    let mut name = match path.extension() {
        Some(end) if end == "pub" => path.with_extension("").into_os_string(),
        _ => path.as_os_str().to_owned(),
    };
    name.push("-cert.pub");
    name.into()
}

/// Why `certificate` need not be offered at `now`, in seconds since 1970: every
/// offer counts as a try.
pub(super) fn unusable(certificate: &Certificate, now: u64) -> Option<&'static str> {
    if !certificate.cert_type().is_user() {
        Some("is not for users")
    } else if now < certificate.valid_after() {
        Some("is not valid yet")
    } else if now >= certificate.valid_before() {
        Some("has expired")
    } else {
        None
    }
}

/// Signs with a key of ours, as russh has agents sign.
pub(super) struct FileSigner(pub(super) PrivateKey);

/// Signs with a key of an agent, also for a certificate that the agent does not
/// have.
pub(super) struct AgentSigner<'a> {
    pub(super) agent: &'a mut AgentClient<UnixStream>,
    pub(super) key: AgentIdentity,
}

/// Why a signature could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum SignError {
    /// The link is gone.
    #[error(transparent)]
    Gone(#[from] russh::SendError),
    /// The key would not.
    #[error(transparent)]
    Key(#[from] ssh_key::Error),
    /// The agent would not.
    #[error(transparent)]
    Agent(#[from] russh::keys::Error),
}

impl FileSigner {
    /// `data`, and behind it the signature as an SSH string.
    fn signed(&self, hash: Option<HashAlg>, mut data: Vec<u8>) -> Result<Vec<u8>, ssh_key::Error> {
        let signature: ssh_key::Signature = match self.0.key_data() {
            KeypairData::Rsa(pair) => (pair, hash).try_sign(&data)?,
            _ => self.0.try_sign(&data)?,
        };
        let mut blob = Vec::new();
        signature.encode(&mut blob)?;
        blob.encode(&mut data)?;
        Ok(data)
    }
}

impl Signer for FileSigner {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        Ok(self.signed(hash, data)?)
    }
}

impl Signer for AgentSigner<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _key: &AgentIdentity,
        hash: Option<HashAlg>,
        data: Vec<u8>,
    ) -> Result<Vec<u8>, SignError> {
        Ok(self.agent.sign_request(&self.key, hash, data).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_lies_beside_either_half_of_its_key() {
        for path in ["/home/ann/.ssh/id", "/home/ann/.ssh/id.pub"] {
            assert_eq!(
                beside(Path::new(path)),
                Path::new("/home/ann/.ssh/id-cert.pub")
            );
        }
    }
}
