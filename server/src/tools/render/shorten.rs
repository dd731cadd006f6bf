//! Shortening a record of which no text can be cut further: lists lose their
//! ends until it fits, and each is counted.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::cut::cut;

/// A text shorter than this stays, in bytes.
const TEXT_MIN_BYTES: usize = 256;

/// `fields` with less in them, until `fits` says so or nothing can go. What was
/// left out is in `left_out`, in items by field and in bytes by text, beside
/// `next`, the call that shows it.
pub(super) fn shorten(
    fields: &Map<String, Value>,
    next: &str,
    fits: impl Fn(&Map<String, Value>) -> bool,
) -> Map<String, Value> {
    let mut left_out = BTreeMap::new();
    let mut rest = fields.clone();
    loop {
        let mut shown = rest.clone();
        if !left_out.is_empty() {
            shown.insert("left_out".into(), json!(left_out));
            if !next.is_empty() {
                shown.insert("next".into(), json!(next));
            }
        }
        if fits(&shown) || !halve(&mut rest, "", &mut left_out) {
            return shown;
        }
    }
}

/// Halves the longest list or text in `fields`; false if there is none.
fn halve(
    fields: &mut Map<String, Value>,
    path: &str,
    left_out: &mut BTreeMap<String, usize>,
) -> bool {
    let mut by_size: Vec<(usize, String)> = fields
        .iter()
        .map(|(name, value)| (size(value), name.clone()))
        .collect();
    by_size.sort_by(|a, b| b.cmp(a));
    by_size.into_iter().any(|(_, name)| {
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match fields.get_mut(&name) {
            Some(value) => halve_value(value, path, left_out),
            None => false,
        }
    })
}

fn halve_value(value: &mut Value, path: String, left_out: &mut BTreeMap<String, usize>) -> bool {
    match value {
        Value::Array(items) if items.len() > 1 => {
            let kept = items.len() / 2;
            *left_out.entry(path).or_default() += items.len() - kept;
            items.truncate(kept);
            true
        }
        Value::Array(items) => match items.first_mut() {
            Some(only) => halve_value(only, format!("{path}[0]"), left_out),
            None => false,
        },
        Value::Object(fields) => halve(fields, &path, left_out),
        Value::String(text) if text.len() > TEXT_MIN_BYTES => {
            let short = cut(text, text.len() / 2, None, |_| String::new());
            let less = text.len().saturating_sub(short.len());
            *left_out.entry(path).or_default() += less;
            *text = short;
            less > 0
        }
        _ => false,
    }
}

/// About how long a value is when it is written, in bytes.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| name.len() + size(value))
            .sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(value: Value, max: usize) -> Map<String, Value> {
        let Value::Object(fields) = value else {
            panic!("a record");
        };
        let fits = |fields: &Map<String, Value>| json!(fields).to_string().len() <= max;
        let short = shorten(&fields, "ssh_list", fits);
        assert!(fits(&short), "{short:?}");
        short
    }

    #[test]
    fn the_longest_lists_lose_their_ends_and_are_counted() {
        let rows: Vec<Value> = (0..1_000).map(|n| json!({"id": n, "user": "u"})).collect();
        let short = shortened(json!({"pid": 4, "sessions": rows, "jobs": [1]}), 4_000);
        let kept = short["sessions"].as_array().unwrap().len();
        assert!(kept > 50);
        assert_eq!(short["left_out"], json!({"sessions": 1_000 - kept}));
        assert_eq!(short["next"], "ssh_list");
        assert_eq!((&short["pid"], &short["jobs"]), (&json!(4), &json!([1])));
    }

    #[test]
    fn what_is_deep_within_is_found() {
        let inner = json!({"Mounts": [{"Names": vec!["name"; 500]}], "Id": "x"});
        let short = shortened(json!({"Config": inner}), 1_000);
        assert_eq!(short["Config"]["Id"], "x");
        let path = "Config.Mounts[0].Names";
        assert!(short["left_out"][path].as_u64().unwrap() > 300, "{short:?}");
    }

    #[test]
    fn many_small_fields_stay_as_they_are() {
        let fields = json!({"a": 1, "b": "two"});
        let Value::Object(fields) = fields else {
            panic!("a record");
        };
        assert_eq!(shorten(&fields, "", |_| false), fields);
    }
}
