//! What one authentication has tried so far, and how much more it may.

use std::collections::BTreeSet;

use russh::keys::ssh_key::public::KeyData;
use russh::keys::{HashAlg, PublicKey};

/// Offers that a server looks at: sshd's `MaxAuthTries` is 6 by default, and the
/// sixth refusal ends the connection.
const OFFERS_MAX: usize = 6;

/// The tries of one authentication.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// In words, for the error.
    words: Vec<String>,
    /// Credentials that the server looked at and did not take.
    refusals: usize,
    /// Ways in which a password was sent.
    sent: BTreeSet<&'static str>,
    /// Whether a password was refused in one of them.
    refused_password: bool,
    /// Fingerprints of keys and certificates that it was shown.
    shown: BTreeSet<String>,
    /// Keys that were not offered, to stay below [`OFFERS_MAX`].
    held_back: usize,
}

impl Tries {
    /// Notes what is tried, or why something is not.
    pub(super) fn note(&mut self, words: impl Into<String>) {
        self.words.push(words.into());
    }

    /// Whether nothing was noted.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Notes that a password is sent in one way, unless it was before.
    pub(super) fn may_send(&mut self, way: &'static str) -> bool {
        let is_new = self.sent.insert(way);
        if is_new {
            self.note(way);
        }
        is_new
    }

    /// The server refused the password.
    pub(super) fn password_refused(&mut self) {
        self.refused_password = true;
    }

    pub(super) fn refused_password(&self) -> bool {
        self.refused_password
    }

    /// The server refused what it was shown.
    pub(super) fn refused(&mut self) {
        self.refusals += 1;
    }

    /// Nothing was offered yet: the first question is without a credential.
    pub(super) fn forget_refusals(&mut self) {
        self.refusals = 0;
    }

    pub(super) fn refusals(&self) -> usize {
        self.refusals
    }

    /// Whether this key is worth an offer: new to the server, and with as many
    /// tries left as `reserved` for a password needs.
    pub(super) fn may_offer(&mut self, fingerprint: String, reserved: usize) -> bool {
        if self.shown.contains(&fingerprint) {
            return false;
        }
        if self.refusals + reserved >= OFFERS_MAX {
            self.held_back += 1;
            return false;
        }
        self.shown.insert(fingerprint)
    }

    /// All of it in words.
    pub(super) fn in_words(&self) -> String {
        let words = self.words.join(", ");
        if self.held_back == 0 {
            return words;
        }
        format!(
            "{words} (and held back {} more keys: servers end the connection after so many; name \
             one by key_path, or by IdentityFile with IdentitiesOnly)",
            self.held_back
        )
    }
}

/// A key's fingerprint.
pub(super) fn of_key(key: &KeyData) -> String {
    PublicKey::from(key.clone())
        .fingerprint(HashAlg::Sha256)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_offered_once_and_a_try_is_kept_for_the_password() {
        let mut tries = Tries::default();
        let mut offered = 0;
        for key in ["a", "b", "a", "c", "d", "e", "f", "g"] {
            if tries.may_offer(key.into(), 1) {
                offered += 1;
                tries.refused();
            }
        }
        assert_eq!(offered, 5);
        assert!(tries.in_words().contains("held back 2 more keys"));
        assert!(tries.may_offer("h".into(), 0));
    }
}
