//! Secrets in running text: commands, summaries, heads of output.

use std::borrow::Cow;

use super::REDACTED;
use super::headers;
use super::names::{is_a_variable_only, is_secret};
use super::pieces::{after, leading, up_to};
use super::quotes::{Mark, Quotes};
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
    let mut quotes = Quotes::default();
    while let Some(first) = rest.chars().next() {
        let word = leading(rest, is_word);
        let behind = after(rest, word.len().max(first.len_utf8()));
        quotes.pass(up_to(rest, behind));
        rest = behind;
        if word.is_empty() {
            kept.push(first);
        } else if is_token(word.trim_end_matches('.')) {
            kept.push_str(REDACTED);
        } else {
            kept.push_str(word);
            rest = behind_word(word, behind, quotes, &mut kept);
            quotes.pass(up_to(behind, rest));
        }
    }
    kept
}

/// Takes away what the word says is a secret behind it.
fn behind_word<'a>(word: &str, text: &'a str, quotes: Quotes, kept: &mut String) -> &'a str {
    if let Some(authority) = text.strip_prefix("://") {
        kept.push_str("://");
        user_and_password(authority, kept)
    } else if is_secret(word) {
        named_value(word, text, quotes, kept)
    } else if is_scheme(word) {
        scheme_value(text, quotes, kept)
    } else {
        text
    }
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

/// `=value`, `: value`, ` value` after an option, `", "value` in a list.
fn named_value<'a>(name: &str, text: &'a str, mut quotes: Quotes, kept: &mut String) -> &'a str {
    let is_option = name.starts_with('-');
    let quote = leading(text, |c| matches!(c, '"' | '\'' | '\\'));
    let blanks = leading(after(text, quote.len()), is_blank);
    let unquoted = after(text, quote.len() + blanks.len());
    let sign = leading(unquoted, |c| matches!(c, '=' | ':'));
    let gap = leading(after(unquoted, sign.len()), is_blank);
    let separator_bytes = match sign {
        "" if is_option && quote.is_empty() && !blanks.is_empty() => blanks.len(),
        "" if is_option && !quote.is_empty() && unquoted.starts_with(',') => {
            let gap = leading(after(unquoted, 1), is_blank);
            quote.len() + blanks.len() + 1 + gap.len()
        }
        "=" if blanks.is_empty() => quote.len() + 1,
        "" => return text,
        _ if is_a_variable_only(name) => return text,
        _ => quote.len() + blanks.len() + sign.len() + gap.len(),
    };
    let separator = text.get(..separator_bytes).unwrap_or_default();
    let value = after(text, separator_bytes);
    kept.push_str(separator);
    quotes.pass(separator);
    if quote.is_empty() && sign == ":" && headers::is_header(name) {
        return headers::value(value, quotes.open(), kept);
    }
    let scheme = leading(value, is_word);
    if is_scheme(scheme) {
        kept.push_str(scheme);
        return scheme_value(after(value, scheme.len()), quotes, kept);
    }
    redact_value(value, quotes, kept)
}

/// `Bearer xyz`, `Basic xyz`: what follows must look like a credential, for
/// both are words of prose too.
fn scheme_value<'a>(text: &'a str, quotes: Quotes, kept: &mut String) -> &'a str {
    let gap = leading(text, is_blank);
    let value = bare_value(after(text, gap.len()));
    let odd = |c: char| !c.is_ascii_lowercase();
    if gap.is_empty() || value.len() < 6 || (!value.contains(odd) && value.len() < 16) {
        return text;
    }
    kept.push_str(gap);
    redact_value(after(text, gap.len()), quotes, kept)
}

/// Takes one value away: a quoted one whole, else up to where a shell, a query
/// or a list would end it. `$NAME` only says where a secret is.
fn redact_value<'a>(text: &'a str, quotes: Quotes, kept: &mut String) -> &'a str {
    let backslashes = leading(text, |c| c == '\\');
    let first = after(text, backslashes.len()).chars().next();
    if let Some(quote @ ('"' | '\'')) = first {
        let mark = Mark {
            backslashes: backslashes.len(),
            quote,
        };
        let inside = after(text, backslashes.len() + 1);
        // It closes what stands around, and there is no value. A stray mark
        // earlier in the line may make it look so: both must say it.
        if quotes.open() == Some(mark) && !inside.starts_with(is_inside_quotes) {
            return text;
        }
        let bytes = mark.encloses(inside).unwrap_or(inside.len());
        kept.push_str(up_to(text, inside));
        if bytes > 0 {
            kept.push_str(REDACTED);
        }
        return after(inside, bytes);
    }
    if text.starts_with('$') || text.starts_with(REDACTED) {
        return text;
    }
    let value = bare_value(text);
    if value.is_empty() {
        return text;
    }
    kept.push_str(REDACTED);
    after(text, value.len())
}

/// A value without quotation marks; what is escaped belongs to it, and a list's
/// or a bracket's end only when more of it follows.
fn bare_value(text: &str) -> &str {
    let mut end = 0;
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c != '\\' {
            if ends_value(c) {
                break;
            }
            end = at + c.len_utf8();
            continue;
        }
        let escaped = after(text, at + 1).chars().next();
        let behind = at + 1 + escaped.map_or(0, char::len_utf8);
        let is_quote = matches!(escaped, Some('"' | '\''));
        if is_quote && !after(text, behind).starts_with(char::is_alphanumeric) {
            break;
        }
        end = behind;
        chars.next();
    }
    let value = text.get(..end).unwrap_or_default();
    value.trim_end_matches([',', ')', '}', ']'])
}

fn is_scheme(word: &str) -> bool {
    word.eq_ignore_ascii_case("bearer") || word.eq_ignore_ascii_case("basic")
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// What seldom stands right behind a closing mark.
fn is_inside_quotes(c: char) -> bool {
    !c.is_whitespace() && !matches!(c, ',' | ';' | ')' | ']' | '}' | '|' | '&')
}

fn ends_value(c: char) -> bool {
    c.is_whitespace() || matches!(c, '"' | '\'' | '&' | ';' | '|' | '<' | '>')
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
            "Password\t: CANARY",
            "PASS=CANARY DBPASS=CANARY make",
            "vault secret_id=CANARY",
            "mysql --password=abc,CANARY -u me",
            "PASSWORD=ab}CANARY make",
            "f(token=a)CANARY",
            "mysql --password=my\\ CANARY -u me",
            "PASSWORD=a\\\"CANARY make",
            "{\"password\":\"a\\\"CANARY\"}",
            "{\\\"password\\\":\\\"a\\\\\\\"CANARY\\\"}",
            "PASSWORD='a'\\''CANARY' make",
            "run [\"--password\", \"CANARY x\"]",
            "run [\\\"--password\\\",\\\"CANARY\\\"]",
            "Authorization: token CANARY",
            "Authorization: Custom a CANARY",
            "a 5\" screen --password \"CANARY\"",
            "'tis so: password: 'CANARY'",
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
            "a pass of pass: 3, --- PASS: TestMount (0.00s), # XPASS: 0",
            "compass=north bypass=yes BYPASS=1 by-pass: no",
            "read -p 'Password: ' x; echo 'done'",
            "f(\"Password: \", \"x\")",
            "docker login --password-stdin registry",
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
        assert_eq!(
            text(r#"sh -c "x (--token=a,b), \"TOKEN=c\" {pwd=d} y" && z"#),
            r#"sh -c "x (--token=[redacted]), \"TOKEN=[redacted]\" {pwd=[redacted]} y" && z"#
        );
    }
}
