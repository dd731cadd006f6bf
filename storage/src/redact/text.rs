//! Secrets in running text: commands, summaries, heads of output.

use std::borrow::Cow;

use super::REDACTED;
use super::names::is_secret;
use super::shapes::is_token;

/// The text without private keys, bearer tokens, passwords in URLs, values of
/// names that promise a secret (`--password x`, `TOKEN=x`, `api_key: x`) and
/// tokens of well-known shapes.
pub fn text(text: &str) -> Cow<'_, str> {
    let without_keys = private_keys(text);
    let cleaned = words(&without_keys);
    if cleaned == text {
        return Cow::Borrowed(text);
    }
    Cow::Owned(cleaned)
}

const BEGIN: &str = "-----BEGIN ";
const PRIVATE: &str = "PRIVATE KEY";
const END: &str = "-----END ";

/// PEM blocks of private keys; one without an end goes to the text's end.
fn private_keys(text: &str) -> Cow<'_, str> {
    if !text.contains(BEGIN) {
        return Cow::Borrowed(text);
    }
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, block)) = rest.split_once(BEGIN) {
        kept.push_str(before);
        let label = leading(block, |c| {
            c.is_ascii_uppercase() || c.is_ascii_digit() || c == ' '
        });
        if !label.contains(PRIVATE) {
            kept.push_str(BEGIN);
            rest = block;
            continue;
        }
        kept.push_str(REDACTED);
        let after = block.split_once(END).map_or("", |(_, after)| after);
        rest = after.split_once("-----").map_or("", |(_, after)| after);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

fn words(text: &str) -> String {
    let mut kept = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = leading(rest, is_word);
        if word.is_empty() {
            kept.push(first);
            rest = after(rest, first.len_utf8());
            continue;
        }
        rest = after(rest, word.len());
        if is_token(word.trim_end_matches('.')) {
            kept.push_str(REDACTED);
            continue;
        }
        kept.push_str(word);
        rest = if let Some(authority) = rest.strip_prefix("://") {
            kept.push_str("://");
            user_and_password(authority, &mut kept)
        } else if is_secret(word) {
            named_value(word, rest, &mut kept)
        } else if is_scheme(word) {
            scheme_value(rest, &mut kept)
        } else {
            rest
        };
    }
    kept
}

/// `user:password@` of a URL.
fn user_and_password<'a>(text: &'a str, kept: &mut String) -> &'a str {
    let authority = leading(text, |c| {
        !c.is_whitespace() && !matches!(c, '/' | '"' | '\'' | '?' | '#')
    });
    let Some((login, _host)) = authority.rsplit_once('@') else {
        return text;
    };
    let Some((user, password)) = login.split_once(':') else {
        return text;
    };
    if password.is_empty() || password.starts_with('$') {
        return text;
    }
    kept.push_str(user);
    kept.push(':');
    kept.push_str(REDACTED);
    after(text, login.len())
}

/// `=value`, `: value`, and ` value` after an option.
fn named_value<'a>(name: &str, text: &'a str, kept: &mut String) -> &'a str {
    let quote = leading(text, |c| matches!(c, '"' | '\'' | '\\'));
    let blanks = leading(after(text, quote.len()), |c| c == ' ');
    let unquoted = after(text, quote.len() + blanks.len());
    let sign = leading(unquoted, |c| matches!(c, '=' | ':'));
    let gap = leading(after(unquoted, sign.len()), |c| c == ' ');
    let separator_bytes = match sign {
        "" if name.starts_with('-') && quote.is_empty() && !blanks.is_empty() => blanks.len(),
        "=" if blanks.is_empty() => quote.len() + 1,
        "" => return text,
        _ => quote.len() + blanks.len() + sign.len() + gap.len(),
    };
    let separator = text.get(..separator_bytes).unwrap_or_default();
    let value = after(text, separator_bytes);
    let scheme = leading(value, is_word);
    kept.push_str(separator);
    if is_scheme(scheme) {
        kept.push_str(scheme);
        return scheme_value(after(value, scheme.len()), kept);
    }
    redact_value(value, kept)
}

/// `Bearer xyz`, `Basic xyz`: what follows must look like a credential, for
/// both are words of prose too.
fn scheme_value<'a>(text: &'a str, kept: &mut String) -> &'a str {
    let gap = leading(text, |c| c == ' ');
    let value = leading(after(text, gap.len()), is_value);
    let odd = |c: char| !c.is_ascii_lowercase();
    if gap.is_empty() || value.len() < 6 || (!value.contains(odd) && value.len() < 16) {
        return text;
    }
    kept.push_str(gap);
    redact_value(after(text, gap.len()), kept)
}

/// Takes one value away: a quoted one whole, else up to where a shell, a query
/// or a list would end it. `$NAME` only says where a secret is.
fn redact_value<'a>(text: &'a str, kept: &mut String) -> &'a str {
    let quote = leading(text, |c| c == '\\');
    let mark = after(text, quote.len()).chars().next();
    if let Some(mark @ ('"' | '\'')) = mark {
        let inside = after(text, quote.len() + 1);
        let value = leading(inside, |c| c != mark);
        kept.push_str(quote);
        kept.push(mark);
        if !value.is_empty() {
            kept.push_str(REDACTED);
        }
        // An escaped quote ends the value as it began it.
        if !quote.is_empty() && value.ends_with('\\') {
            kept.push('\\');
        }
        return after(inside, value.len());
    }
    let value = leading(text, is_value);
    if value.is_empty() || value.starts_with('$') || value.starts_with(REDACTED) {
        return text;
    }
    kept.push_str(REDACTED);
    after(text, value.len())
}

fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn is_value(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(
            c,
            '"' | '\'' | '&' | ';' | ',' | ')' | '}' | '|' | '<' | '>'
        )
}

fn leading(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

fn after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_canary_of_the_corpus_is_left() {
        let corpus = [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nCANARY\n-----END OPENSSH PRIVATE KEY-----\nrest",
            "-----BEGIN RSA PRIVATE KEY-----\nCANARY and no end",
            "curl -H 'Authorization: Bearer CANARY.123' https://x",
            "Authorization: Basic dXNlcjpCANARY==",
            "-----BEGIN PGP PRIVATE KEY BLOCK-----\nCANARY\n-----END PGP PRIVATE KEY BLOCK-----",
            "password = CANARY",
            "{\"password\" : \"CANARY\"}",
            "export DB_PASS=CANARY; make",
            "bearer CANARYcanary123",
            "git clone https://me:CANARY@host/repo.git",
            "postgres://me:p@CANARY@db/x",
            "mysql --password=CANARY -u me",
            "mysql --password CANARY -u me",
            "export GH_TOKEN=CANARY; ls",
            "{\"api_key\": \"CANARY with blanks\"}",
            "{\\\"password\\\":\\\"CANARY\\\"}",
            "x-api-key: CANARY",
            "?access_token=CANARY&x=1",
            "PGPASSWORD='CANARY x' psql",
            "ghp_CANARY0123456789abcdefABCDEF",
            "github_pat_CANARY0123456789abcdefABCDEF",
            "AKIACANARY1234567890",
            "xoxb-CANARY-123456789",
            "glpat-CANARY0123456789abc",
            "(sk-CANARYproj0123456789abcdef)",
            "eyJCANARYhead.eyJCANARYbody.sig",
        ];
        for canary in corpus {
            let cleaned = text(canary);
            assert!(!cleaned.contains("CANARY"), "{canary} became {cleaned}");
            assert!(cleaned.contains(REDACTED), "{canary}");
            assert_eq!(text(&cleaned), cleaned, "once is enough");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is() {
        let corpus = [
            "ls -la /etc/passwd",
            "cat token.txt",
            "the password is long; basic auth, a bearer of news",
            "ssh://me@host:22/x http://host:80/a@b",
            "echo $TOKEN",
            "--password=$PASS",
            "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----",
            "task-1 sk-short eyJ.a.b",
            "Füße und Grüße 日本",
        ];
        for plain in corpus {
            assert_eq!(text(plain), plain);
        }
    }

    #[test]
    fn what_stands_around_a_secret_stays() {
        assert_eq!(
            text("mysql --password=x -u me && curl https://a:b@h/p?token=c&d=e"),
            "mysql --password=[redacted] -u me && curl https://a:[redacted]@h/p?token=[redacted]&d=e"
        );
    }
}
