//! Tokens that give themselves away by their shape.

/// A prefix that an issuer chose so that its tokens can be found, and how many
/// bytes follow at least.
const PREFIXES: [(&str, usize); 22] = [
    ("ghp_", 20),
    ("gho_", 20),
    ("ghu_", 20),
    ("ghs_", 20),
    ("ghr_", 20),
    ("github_pat_", 20),
    ("glpat-", 16),
    ("sk-", 20),
    ("sk_live_", 16),
    ("sk_test_", 16),
    ("rk_live_", 16),
    ("xoxa-", 10),
    ("xoxb-", 10),
    ("xoxe-", 10),
    ("xoxp-", 10),
    ("xoxr-", 10),
    ("xoxs-", 10),
    ("npm_", 30),
    ("hf_", 20),
    ("AIza", 30),
    ("dop_v1_", 32),
    ("pypi-", 40),
];

/// Whether a word of letters, digits, `_`, `-` and `.` is a token.
pub(super) fn is_token(word: &str) -> bool {
    let prefixed = PREFIXES.iter().any(|(prefix, least)| {
        word.strip_prefix(prefix)
            .is_some_and(|rest| rest.len() >= *least && rest.bytes().any(|b| b.is_ascii_digit()))
    });
    prefixed || is_aws_key_id(word) || is_jwt(word)
}

/// `AKIA` or `ASIA` and 16 capitals or digits.
fn is_aws_key_id(word: &str) -> bool {
    word.len() == 20
        && (word.starts_with("AKIA") || word.starts_with("ASIA"))
        && word
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

/// Three base64url parts, of which the first is a JSON object (RFC 7519).
fn is_jwt(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    word.starts_with("eyJ") && parts.len() == 3 && parts.iter().take(2).all(|part| part.len() >= 8)
}
