//! The chain: each entry's code covers the entry and the code before it.

use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use super::error::AuditError;
use crate::private_files;

/// HMAC-SHA256 (RFC 2104) of an entry.
pub(super) type Code = [u8; 32];

/// What the first entry is chained to.
pub(super) const GENESIS: Code = [0; 32];

/// The secret that makes the chain one that only its owner can write.
#[derive(Clone)]
pub(super) struct ChainKey(Hmac<Sha256>, u64);

impl std::fmt::Debug for ChainKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ChainKey")
    }
}

impl ChainKey {
    /// Reads the key, or makes it once. The flag says that it was made now.
    pub(super) fn load(path: &Path) -> Result<(Self, bool), AuditError> {
        let no_key = || AuditError::Key {
            path: path.to_path_buf(),
        };
        match private_files::read(path, 32) {
            Ok(bytes) => {
                let bytes: [u8; 32] = bytes.try_into().or(Err(no_key()))?;
                Ok((Self::new(&bytes), false))
            }
            Err(error) if error.is_not_found() => {
                let mut bytes = [0; 32];
                getrandom::fill(&mut bytes).or(Err(no_key()))?;
                private_files::make_folder(path.parent().unwrap_or(Path::new(".")))?;
                private_files::replace(path, &bytes)?;
                Ok((Self::new(&bytes), true))
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn new(bytes: &[u8; 32]) -> Self {
        let name = Sha256::digest(bytes);
        let id = name
            .iter()
            .take(8)
            .fold(0, |id, byte| (id << 8) | u64::from(*byte));
        // HMAC pads a key that is shorter than its block with zeros.
        let mut block = [0; 64];
        block
            .iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        Self(Hmac::new(&block.into()), id)
    }

    /// Tells keys apart and says nothing about them: 64 bits of a hash.
    pub(super) fn id(&self) -> u64 {
        self.1
    }

    /// The code of entry `number` with this body, after the code before it.
    pub(super) fn code(&self, before: &Code, number: u64, body: &[u8]) -> Code {
        let mut mac = self.0.clone();
        mac.update(before);
        mac.update(&number.to_le_bytes());
        mac.update(body);
        mac.finalize().into_bytes().into()
    }
}
