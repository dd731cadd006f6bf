//! Host keys: which are known, which are not, and which were accepted. Our own
//! reader of OpenSSH's known_hosts (sshd(8), `SSH_KNOWN_HOSTS FILE FORMAT`).

mod accepted;
mod accepted_list;
#[cfg(test)]
mod against_ssh_keygen;
mod certificate;
mod certificate_fault;
mod files;
mod key;
mod known_as;
mod line;
mod pattern;
mod place;
mod verdict;

pub use accepted::AcceptedKeys;
pub use accepted_list::{accepted_keys, forget_keys};
pub use certificate_fault::CertificateFault;
pub(super) use files::Known;
pub use files::KnownHostsFiles;
pub use known_as::KnownAs;
pub use place::Place;
pub use verdict::Policy;
pub(super) use verdict::{Verdict, fingerprint, judge};
