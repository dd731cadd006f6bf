//! Why a host certificate is not taken, in words.

use std::fmt;

/// Why a host certificate is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateFault {
    /// No `@cert-authority` line of the host has the signer, of this
    /// fingerprint.
    Authority(String),
    /// It is for users.
    NotForHosts,
    /// It becomes valid at this time, in seconds since 1970.
    NotYetValid(u64),
    /// It was valid until this time, in seconds since 1970.
    Expired(u64),
    /// It is for other hosts: these, as far as they can be shown.
    Names(String),
    /// It has an option that must be understood and is not.
    Options,
    /// It is signed with an algorithm that is no longer safe.
    OldSignature,
    /// Its signature is not its signer's.
    Signature,
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(signer) => {
                write!(
                    f,
                    "no @cert-authority line for this host has its signer {signer}"
                )
            }
            Self::NotForHosts => f.write_str("it is made for users, not for hosts"),
            Self::NotYetValid(from) => write!(f, "it is not valid before {}", utc(*from)),
            Self::Expired(until) => write!(f, "it expired at {}", utc(*until)),
            Self::Names(names) if names.is_empty() => f.write_str("it names no host"),
            Self::Names(names) => write!(f, "it is made for {names}, not for this host"),
            Self::Options => f.write_str("it has a critical option, and hosts have none"),
            Self::OldSignature => f.write_str("it is signed with an algorithm that is not safe"),
            Self::Signature => f.write_str("its signature is forged or damaged"),
        }
    }
}

/// Seconds since 1970 as RFC 3339 in UTC.
fn utc(seconds: u64) -> String {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| seconds.checked_mul(1000))
        .map(crate::clock::rfc3339_ms)
        .filter(|text| !text.is_empty())
        .unwrap_or_else(|| "the end of time".to_owned())
}
