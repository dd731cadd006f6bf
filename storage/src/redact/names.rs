//! Names whose values are secrets.

/// Anywhere in a name, once case, `-`, `_` and `.` are put aside.
const INSIDE: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "apikey",
    "privatekey",
    "secretkey",
    "accesskey",
    "credential",
    "authorization",
    "setcookie",
];

/// At its end. `token_count` and `max_tokens` are numbers of tokens.
const AT_THE_END: [&str; 6] = ["token", "secret", "secretid", "pwd", "cookie", "sshpass"];

/// A word of its own at the end: `DB_PASS`, and neither `bypass` nor `compass`.
const LAST_WORD: &str = "pass";

/// Whether the value beside this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // A path to a secret is none, and a person wants to see which it was.
    if plain.ends_with("path") || plain.ends_with("file") {
        return false;
    }
    let mut words = name.rsplit(['-', '_', '.']);
    let last = words.next().unwrap_or_default();
    let is_pass = last.eq_ignore_ascii_case(LAST_WORD) && words.next().is_some();
    is_pass
        || INSIDE.iter().any(|part| plain.contains(part))
        || AT_THE_END.iter().any(|end| plain.ends_with(end))
}

/// Whether an argument of this contract names an entry of the keyring. The
/// name is what a replay needs and says nothing: it is kept.
pub(super) fn names_a_keyring_entry(name: &str) -> bool {
    matches!(name, "secret" | "stdin_secret")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_by_what_they_promise() {
        for secret in [
            "password",
            "DB_PASSWORD",
            "key_passphrase",
            "X-Api-Key",
            "GH_TOKEN",
            "client.secret",
            "AWS_SECRET_ACCESS_KEY",
            "DB_PASS",
            "smtp-pass",
            "secret_id",
        ] {
            assert!(is_secret(secret), "{secret}");
        }
        for plain in [
            "user",
            "key_path",
            "max_tokens",
            "token_count",
            "path",
            "password_file",
            "command",
        ] {
            assert!(!is_secret(plain), "{plain}");
        }
    }
}
