//! Whether a server's key may be taken: pure, from what the files say and
//! what the caller allowed.

use super::files::Known;
use super::line::Marker;
use super::place::Place;

/// What the caller allows of a host that is in no file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Policy {
    /// Only known keys.
    #[default]
    Strict,
    /// This key, by its `SHA256:...` fingerprint; remembered.
    Fingerprint(String),
    /// Any first key; remembered.
    AcceptNew,
    /// No check at all (`insecure`).
    Unchecked,
}

/// What becomes of a server's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Go on.
    Accept,
    /// Go on once it was remembered.
    AcceptAndRemember,
    /// In no file and not allowed.
    Unknown {
        /// A key of another type stands here.
        others: Option<Place>,
    },
    /// Another key of its type stands here: stop, whatever was allowed.
    Changed(Place),
    /// Revoked here: stop, whatever was allowed.
    Revoked(Place),
}

/// Judges a key by type, blob (base64) and fingerprint (`SHA256:...`).
pub(crate) fn judge(
    known: &Known,
    policy: &Policy,
    key_type: &str,
    key: &str,
    fingerprint: &str,
) -> Verdict {
    if *policy == Policy::Unchecked {
        return Verdict::Accept;
    }
    let same = |entry: &&super::files::Entry| entry.key == key;
    let revoked = known
        .entries
        .iter()
        .filter(|e| e.marker == Marker::Revoked)
        .find(same);
    if let Some(entry) = revoked {
        return Verdict::Revoked(entry.place.clone());
    }
    let plain = || known.entries.iter().filter(|e| e.marker == Marker::None);
    if plain().any(|entry| entry.key == key) {
        return Verdict::Accept;
    }
    if let Some(entry) = plain().find(|entry| entry.key_type == key_type) {
        return Verdict::Changed(entry.place.clone());
    }
    let others = plain().next().map(|entry| entry.place.clone());
    match policy {
        Policy::Fingerprint(accepted) if accepted == fingerprint => Verdict::AcceptAndRemember,
        // A server that hides its known key behind another type is no new one.
        Policy::AcceptNew if others.is_none() => Verdict::AcceptAndRemember,
        _ => Verdict::Unknown { others },
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn known(text: &str) -> Known {
        let mut known = Known::default();
        known.add(text, Path::new("kh"), "web");
        known
    }

    fn verdict(text: &str, policy: &Policy) -> Verdict {
        judge(&known(text), policy, "ssh-ed25519", "KEY", "SHA256:fp")
    }

    fn at(line: usize) -> Place {
        Place {
            path: "kh".into(),
            line,
        }
    }

    #[test]
    fn a_key_that_stands_there_is_taken_also_as_the_second_of_its_type() {
        assert_eq!(
            verdict("web ssh-ed25519 KEY", &Policy::Strict),
            Verdict::Accept
        );
        let two = "web ssh-ed25519 OLD\nweb ssh-ed25519 KEY";
        assert_eq!(verdict(two, &Policy::Strict), Verdict::Accept);
    }

    #[test]
    fn an_unknown_host_needs_the_callers_word() {
        let unknown = Verdict::Unknown { others: None };
        assert_eq!(verdict("", &Policy::Strict), unknown);
        assert_eq!(
            verdict("", &Policy::Fingerprint("SHA256:other".into())),
            unknown
        );
        assert_eq!(
            verdict("", &Policy::Fingerprint("SHA256:fp".into())),
            Verdict::AcceptAndRemember
        );
        assert_eq!(verdict("", &Policy::AcceptNew), Verdict::AcceptAndRemember);
    }

    #[test]
    fn a_changed_or_revoked_key_stops_whatever_was_allowed() {
        let changed = "# note\nweb ssh-ed25519 OTHER";
        let revoked = "web ssh-ed25519 KEY\n@revoked * ssh-ed25519 KEY";
        for policy in [
            Policy::Strict,
            Policy::AcceptNew,
            Policy::Fingerprint("SHA256:fp".into()),
        ] {
            assert_eq!(verdict(changed, &policy), Verdict::Changed(at(2)));
            assert_eq!(verdict(revoked, &policy), Verdict::Revoked(at(2)));
        }
    }

    #[test]
    fn a_key_of_another_type_is_no_new_host_for_accept_new() {
        let other = Verdict::Unknown {
            others: Some(at(1)),
        };
        assert_eq!(verdict("web ssh-rsa X", &Policy::AcceptNew), other);
        let named = Policy::Fingerprint("SHA256:fp".into());
        assert_eq!(verdict("web ssh-rsa X", &named), Verdict::AcceptAndRemember);
    }
}
