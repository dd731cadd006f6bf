//! HTTP headers whose whole value is a secret, blanks and commas included.

use super::REDACTED;
use super::pieces::{after, leading};
use super::quotes::Mark;

const NAMES: [&str; 4] = [
    "authorization",
    "proxy-authorization",
    "cookie",
    "set-cookie",
];

/// Words before a credential that are worth keeping.
const SCHEMES: [&str; 6] = ["bearer", "basic", "digest", "token", "apikey", "negotiate"];

/// What stays is read again for other secrets: a bound for that.
const VARIABLE_MAX_BYTES: usize = 256;

pub(super) fn is_header(name: &str) -> bool {
    NAMES.iter().any(|header| name.eq_ignore_ascii_case(header))
}

/// Takes the value away: to the end of the line, or to where the mark that is
/// open around the header closes. A variable only says where a secret is.
pub(super) fn value<'a>(text: &'a str, open: Option<Mark>, kept: &mut String) -> &'a str {
    let bytes = open.and_then(|mark| mark.encloses(text));
    let bytes = bytes.filter(|bytes| !opens_a_parameter(text, *bytes));
    let enclosed = leading_bytes(text, bytes.unwrap_or(text.len()));
    let whole = leading(enclosed, |c| !matches!(c, '\r' | '\n')).trim_end();
    let word = leading(whole, |c| c.is_ascii_alphanumeric());
    let gap = leading(after(whole, word.len()), |c| c == ' ');
    let is_scheme = !gap.is_empty() && SCHEMES.iter().any(|known| word.eq_ignore_ascii_case(known));
    let kept_bytes = if is_scheme { word.len() + gap.len() } else { 0 };
    let credential = after(whole, kept_bytes);
    if credential.is_empty() || is_variable(credential) {
        return text;
    }
    kept.push_str(leading_bytes(whole, kept_bytes));
    kept.push_str(REDACTED);
    after(text, whole.len())
}

/// Whether the mark there is the first of `name="x"`, and the one before the
/// header a stray one; base64 ends in `=` too, but then nothing follows.
fn opens_a_parameter(text: &str, at: usize) -> bool {
    let marked = after(text, at).trim_start_matches('\\');
    leading_bytes(text, at).ends_with('=') && after(marked, 1).starts_with(char::is_alphanumeric)
}

/// `$NAME`, `${NAME}` or `$(command)`, and nothing behind it.
fn is_variable(credential: &str) -> bool {
    if credential.len() > VARIABLE_MAX_BYTES {
        return false;
    }
    let Some(name) = credential.strip_prefix('$') else {
        return false;
    };
    if name.starts_with('(') {
        return name.find(')') == Some(name.len() - 1);
    }
    let bare = name.strip_prefix('{').and_then(|n| n.strip_suffix('}'));
    let bare = bare.unwrap_or(name);
    bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn leading_bytes(text: &str, bytes: usize) -> &str {
    text.get(..bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::text;

    #[test]
    fn a_header_loses_its_value_and_nothing_else() {
        let table = [
            (
                "curl -H 'Authorization: token X Y' https://h",
                "curl -H 'Authorization: token [redacted]' https://h",
            ),
            (
                "> Authorization: Digest username=\"u\", response=\"X\"\r\n> Accept: */*",
                "> Authorization: Digest [redacted]\r\n> Accept: */*",
            ),
            (
                r#"-H "Authorization: Digest username=\"u\", response=\"X\"" -v"#,
                r#"-H "Authorization: Digest [redacted]" -v"#,
            ),
            (
                r#"-H 'Authorization: Digest username="u", response="X"' -v"#,
                "-H 'Authorization: Digest [redacted]' -v",
            ),
            (
                "Set-Cookie: a=X; Path=/, b=Y\nnext",
                "Set-Cookie: [redacted]\nnext",
            ),
            ("-H \"Cookie: a=X; b=Y\" -v", "-H \"Cookie: [redacted]\" -v"),
            (
                r#"{"Cookie": "a=X; b=Y", "Accept": "c"}"#,
                r#"{"Cookie": "[redacted]", "Accept": "c"}"#,
            ),
            ("Cookie: $A; b=Y", "Cookie: [redacted]"),
            (
                "5\" Authorization: Digest username=\"u\", response=\"X\"",
                "5\" Authorization: Digest [redacted]",
            ),
            (
                "-H \"Authorization: Basic eA==\" -v",
                "-H \"Authorization: Basic [redacted]\" -v",
            ),
            (
                "Proxy-Authorization: ApiKey X",
                "Proxy-Authorization: ApiKey [redacted]",
            ),
        ];
        for (given, expected) in table {
            assert_eq!(text(given), expected);
            assert_eq!(text(expected), expected, "once is enough");
        }
        for plain in [
            "-H \"Authorization: Bearer $TOKEN\" -v",
            "-H \"Authorization: Bearer $(cat key)\" -v",
            "Cookie: ${COOKIE}",
        ] {
            assert_eq!(text(plain), plain);
        }
    }
}
