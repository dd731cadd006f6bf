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

/// A word of its own at the end, as in `DB_PASS`, or at a variable's end.
const LAST_WORD: &str = "pass";

/// Words that end so and promise nothing.
const NO_PASS: [&str; 6] = [
    "bypass",
    "compass",
    "overpass",
    "surpass",
    "trespass",
    "underpass",
];

/// Whether the value beside this name is a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|c| !matches!(c, '-' | '_' | '.'))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    // A path to a secret is none, and a person wants to see which it was; and
    // `--password-stdin` has no value.
    if ["path", "file", "stdin"]
        .iter()
        .any(|end| plain.ends_with(end))
    {
        return false;
    }
    let is_pass = plain.ends_with(LAST_WORD) && !NO_PASS.iter().any(|end| plain.ends_with(end));
    (is_pass && (has_pass_as_a_word(name) || is_in_capitals(name)))
        || INSIDE.iter().any(|part| plain.contains(part))
        || AT_THE_END.iter().any(|end| plain.ends_with(end))
}

/// Whether this is nothing but an option whose value is a secret.
pub(super) fn is_secret_option(word: &str) -> bool {
    let is_value_inside = |c: char| c == '=' || c.is_whitespace();
    word.starts_with('-') && !word.contains(is_value_inside) && is_secret(word)
}

/// Whether the name is a secret's only where it is assigned: `PASS=x` is, and
/// `PASS: a_test` is a verdict.
pub(super) fn is_a_variable_only(name: &str) -> bool {
    name.ends_with("PASS") && is_in_capitals(name) && !has_pass_as_a_word(name)
}

fn has_pass_as_a_word(name: &str) -> bool {
    let mut words = name.rsplit(['-', '_', '.']);
    let last = words.next().unwrap_or_default();
    last.eq_ignore_ascii_case(LAST_WORD) && words.next().is_some()
}

fn is_in_capitals(name: &str) -> bool {
    !name.contains(|c: char| c.is_ascii_lowercase())
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
            "DBPASS",
            "PASS",
            "--pass",
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
            "pass",
            "bypass",
            "BYPASS",
            "COMPASS",
            "by-pass",
            "--password-stdin",
        ] {
            assert!(!is_secret(plain), "{plain}");
        }
    }
}
