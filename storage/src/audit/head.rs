//! `audit.head`: how far the log is, outside the database, so that a segment
//! or a tail that was cut or rolled back is noticed.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::chain::{ChainKey, Code, GENESIS};
use crate::private_files::{self, PrivateFileError};

/// A head is some hundred bytes.
const HEAD_MAX_BYTES: u64 = 64 << 10;

/// The checkpoint, after the newest durable commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Head {
    version: u32,
    /// The number of the newest durable entry.
    pub(super) entry: u64,
    code: String,
    /// The number of the newest call that has one.
    pub(super) last_seq: u64,
    /// No call number above this was given out, whatever a power cut took.
    pub(super) reserved_seq: u64,
    /// The number of the oldest entry that retention kept.
    pub(super) first_entry: u64,
    /// The runs of the daemon so far.
    pub(super) run: u64,
    /// Records that were ever cut from a torn tail.
    pub(super) cut_records: u64,
    /// The boot of the machine.
    pub(super) boot_id: String,
    /// The run ended by [`super::AuditLog::close`].
    pub(super) closed: bool,
}

#[derive(Serialize, Deserialize)]
struct Sealed {
    head: Head,
    seal: String,
}

impl Head {
    pub(super) fn set_code(&mut self, code: &Code) {
        self.version = 1;
        self.code = hex(code);
    }

    pub(super) fn is_at(&self, code: &Code) -> bool {
        self.code == hex(code)
    }

    /// The code of the newest durable entry.
    pub(super) fn code(&self) -> Option<Code> {
        let mut code = GENESIS;
        for (at, byte) in code.iter_mut().enumerate() {
            *byte = u8::from_str_radix(self.code.get(at * 2..at * 2 + 2)?, 16).ok()?;
        }
        Some(code)
    }

    /// Reads the checkpoint: `Ok(None)` when there is none, `Ok(Some(Err))`
    /// when it is not what this key sealed.
    pub(super) fn read(
        path: &Path,
        key: &ChainKey,
    ) -> Result<Option<Result<Self, &'static str>>, PrivateFileError> {
        let bytes = match private_files::read(path, HEAD_MAX_BYTES) {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error),
        };
        let Ok(sealed) = serde_json::from_slice::<Sealed>(&bytes) else {
            return Ok(Some(Err("the checkpoint cannot be read")));
        };
        if seal(&sealed.head, key) != sealed.seal {
            return Ok(Some(Err("the checkpoint is not sealed with this key")));
        }
        Ok(Some(Ok(sealed.head)))
    }

    /// Durable when it returns.
    pub(super) fn write(&self, path: &Path, key: &ChainKey) -> Result<(), PrivateFileError> {
        let sealed = Sealed {
            seal: seal(self, key),
            head: self.clone(),
        };
        let json = serde_json::to_vec(&sealed)
            .map_err(|error| private_files::io_error("write", path)(error.into()))?;
        private_files::replace(path, &json)
    }
}

/// Entry numbers start at 1: number 0 with the chain's code of nothing before
/// makes a seal that is no entry's code.
fn seal(head: &Head, key: &ChainKey) -> String {
    let json = serde_json::to_vec(head).unwrap_or_default();
    hex(&key.code(&GENESIS, 0, &json))
}

fn hex(code: &Code) -> String {
    code.iter()
        .fold(String::with_capacity(64), |mut text, byte| {
            if write!(text, "{byte:02x}").is_err() {
                tracing::error!("a string refused two digits");
            }
            text
        })
}
