//! Secrets in a call's arguments: by the names of fields, then by patterns.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::REDACTED;
use super::names::{is_secret, is_secret_option, names_a_keyring_entry};
use super::text::text;

/// What is kept of one call's arguments. A longer text (a file's content) is
/// replaced by its length and hash; the call cannot be replayed from it then.
const KEPT_MAX_BYTES: usize = 64 << 10;

/// From where a single text may be replaced to come below [`KEPT_MAX_BYTES`].
const LONG_TEXT_BYTES: usize = 4 << 10;

/// How deep arguments may nest; `serde_json` itself reads 128 levels.
const DEPTH_MAX: usize = 64;

/// The arguments as they may be kept, at most 64 KiB of JSON. `stdin` becomes
/// its length and SHA-256. `secret` and `stdin_secret` name entries of the
/// keyring and stay; below `env` they are variables like any other. What is no
/// JSON is cleaned as text and kept as a JSON string.
pub fn arguments(json: &str) -> String {
    let mut value = match serde_json::from_str(json) {
        Ok(value) => value,
        Err(_no_json) => Value::String(json.to_owned()),
    };
    clean(&mut value, false, DEPTH_MAX);
    let kept = value.to_string();
    if kept.len() <= KEPT_MAX_BYTES {
        return kept;
    }
    shorten(&mut value);
    let shorter = value.to_string();
    if shorter.len() <= KEPT_MAX_BYTES {
        return shorter;
    }
    digest(&kept).to_string()
}

fn clean(value: &mut Value, below_env: bool, depth: usize) {
    match value {
        Value::Object(fields) if depth > 0 => clean_fields(fields, below_env, depth - 1),
        Value::Array(items) if depth > 0 => {
            clean_items(items, below_env, depth - 1);
        }
        Value::Object(_) | Value::Array(_) => *value = Value::String(REDACTED.into()),
        Value::String(plain) => {
            if let std::borrow::Cow::Owned(cleaned) = text(plain) {
                *plain = cleaned;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A value may be the item behind its option: `["--password", "x"]`.
fn clean_items(items: &mut [Value], below_env: bool, depth: usize) {
    let mut is_value = false;
    for item in items {
        let is_option = matches!(item, Value::String(option) if is_secret_option(option));
        match item {
            Value::String(_) | Value::Number(_) if is_value => {
                *item = Value::String(REDACTED.into());
            }
            _ => clean(item, below_env, depth),
        }
        is_value = is_option;
    }
}

fn clean_fields(fields: &mut Map<String, Value>, below_env: bool, depth: usize) {
    for (name, value) in fields {
        let is_name = names_a_keyring_entry(name) && !below_env && value.is_string();
        match value {
            Value::String(content) if name == "stdin" && !below_env => *value = digest(content),
            Value::Null | Value::Bool(_) => {}
            _ if is_secret(name) && !is_name => *value = Value::String(REDACTED.into()),
            _ => clean(value, below_env || name == "env", depth),
        }
    }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(content) if content.len() > LONG_TEXT_BYTES => *value = digest(content),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Array(items) => items.iter_mut().for_each(shorten),
        _ => {}
    }
}

fn digest(content: &str) -> Value {
    let mut hex = String::with_capacity(64);
    for byte in Sha256::digest(content) {
        if write!(hex, "{byte:02x}").is_err() {
            break;
        }
    }
    json!({ "bytes": content.len(), "sha256": hex })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_cleaned_by_name_and_by_pattern() {
        let given = json!({
            "session_id": "web",
            "command": "deploy --token CANARY",
            "secret": "prod-db",
            "stdin": "CANARY",
            "env": { "PATH": "/bin", "SECRET": "CANARY", "secret": "CANARY", "X": "ghp_CANARY0123456789abcdef" },
            "auth": { "password": "CANARY", "secret": "prod", "key_path": "~/.ssh/id" },
            "pin_token": 1234,
            "args": ["--password=CANARY", "-v", "--password", "CANARY", "-u", "me"],
            "more": ["--token", 1234, "--pass", "--token", "CANARY", "--password-stdin", "host"]
        });
        let kept = arguments(&given.to_string());
        assert!(!kept.contains("CANARY"), "{kept}");
        let kept: Value = serde_json::from_str(&kept).unwrap();
        assert_eq!(kept["secret"], "prod-db");
        assert_eq!(kept["auth"]["secret"], "prod");
        assert_eq!(kept["auth"]["key_path"], "~/.ssh/id");
        assert_eq!(kept["env"]["PATH"], "/bin");
        assert_eq!(kept["stdin"]["bytes"], 6);
        assert_eq!(kept["pin_token"], REDACTED);
        assert_eq!(
            kept["args"],
            json!([
                "--password=[redacted]",
                "-v",
                "--password",
                REDACTED,
                "-u",
                "me"
            ])
        );
        assert_eq!(kept["more"][1], REDACTED);
        assert_eq!(kept["more"][6], "host");
    }

    #[test]
    fn long_texts_become_their_hash_and_what_is_no_json_a_text() {
        let long = json!({ "path": "/x", "content": "a".repeat(100_000) }).to_string();
        let kept: Value = serde_json::from_str(&arguments(&long)).unwrap();
        assert_eq!(
            (&kept["path"], &kept["content"]["bytes"]),
            (&json!("/x"), &json!(100_000))
        );
        let many = json!(vec!["b".repeat(1000); 100]).to_string();
        assert!(arguments(&many).len() < 200);
        assert_eq!(arguments("password=CANARY"), "\"password=[redacted]\"");
    }
}
