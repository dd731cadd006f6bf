//! TOON, but long texts verbatim below the fields, each under a line that
//! names it and its size: an escaped string of a thousand lines is for no one.

use serde_json::{Map, Value};

/// A text longer than this, or of more than one line, goes below the fields.
const INLINE_BYTES: usize = 200;

/// A record in TOON.
pub(super) fn record(fields: &Map<String, Value>) -> String {
    let (texts, small): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| is_long(value));
    let small: Map<String, Value> = small
        .into_iter()
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut out = encode(&Value::Object(small));
    for (name, value) in texts {
        let text = value.as_str().unwrap_or_default();
        let heading = format!("\n{name} ({} bytes):\n", text.len());
        out.push_str(&heading);
        out.push_str(text);
    }
    out
}

/// A list of rows in TOON.
pub(super) fn encode(value: &Value) -> String {
    match toon_format::encode_default(value) {
        Ok(text) => text,
        Err(error) => {
            tracing::error!(%error, "TOON failed; the answer is JSON");
            value.to_string()
        }
    }
}

fn is_long(value: &Value) -> bool {
    value
        .as_str()
        .is_some_and(|text| text.len() > INLINE_BYTES || text.contains('\n'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn fields_come_first_then_each_text_as_it_is() {
        let value =
            json!({"state": "exited", "stdout": "a\n\"b\"\n", "stderr": "", "exit_code": 0});
        let text = record(value.as_object().unwrap());
        assert_eq!(
            text,
            "state: exited\nstderr: \"\"\nexit_code: 0\nstdout (6 bytes):\na\n\"b\"\n"
        );
    }

    #[test]
    fn rows_are_a_table() {
        let rows = json!([{"id": "a", "n": 1}, {"id": "b", "n": 2}]);
        assert_eq!(encode(&rows), "[2]{id,n}:\n  a,1\n  b,2");
    }
}
