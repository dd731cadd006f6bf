//! Writing an answer within its limit. What is cut stays valid JSON or TOON.

use schema::hello::Format;
use schema::limits::RESULT_UNBOUNDED_BYTES;
use serde_json::{Map, Value, json};

use super::cut::cut;
use super::toon;
use crate::tools::answer::{Answer, Body};
use crate::tools::caller::{Caller, Reach};
use crate::tools::reply::Reply;

/// Texts are never cut below this many bytes.
const TEXT_MIN_BYTES: usize = 256;

/// How a caller's results are written.
#[derive(Debug, Clone, Copy)]
pub(in crate::tools) struct Limits {
    format: Format,
    /// In bytes, measured after encoding.
    max: usize,
}

impl Limits {
    pub(in crate::tools) fn of(caller: &Caller, to_model: usize) -> Self {
        let max = match caller.reach {
            Reach::Socket | Reach::Http => to_model,
            Reach::Rpc | Reach::CommandLine => RESULT_UNBOUNDED_BYTES,
        };
        Self {
            format: caller.format,
            max,
        }
    }
}

/// Renders an answer.
pub(in crate::tools) fn answer(answer: Answer, limits: Limits) -> Reply {
    let max = answer
        .max_bytes
        .unwrap_or(limits.max)
        .clamp(1_000, RESULT_UNBOUNDED_BYTES);
    let more = answer.more.as_deref().unwrap_or_default();
    let text = match answer.body {
        Body::Text(words) => cut(&words, max, more),
        Body::Record(fields) => record(fields, limits.format, max, more),
        Body::Rows(rows) => list(&rows, limits.format, max, more),
    };
    Reply {
        text,
        structured: answer.structured,
        is_error: false,
    }
}

fn record(mut fields: Map<String, Value>, format: Format, max: usize, more: &str) -> String {
    let whole = write_record(&fields, format);
    if whole.len() <= max {
        return whole;
    }
    // Escaping makes a text longer by a factor that is not known before, so
    // the share of each is lowered until all of it fits.
    let texts: Vec<String> = fields
        .iter()
        .filter(|(_, value)| {
            value
                .as_str()
                .is_some_and(|text| text.len() > TEXT_MIN_BYTES)
        })
        .map(|(name, _)| name.clone())
        .collect();
    if fields.contains_key("truncated")
        || texts
            .iter()
            .any(|name| name == "stdout" || name == "stderr")
    {
        fields.insert("truncated".into(), Value::Bool(true));
    }
    let mut share = max / texts.len().max(1);
    loop {
        let mut shorter = fields.clone();
        for name in &texts {
            if let Some(text) = fields.get(name).and_then(Value::as_str) {
                let call = more.replace("{field}", name);
                shorter.insert(name.clone(), Value::String(cut(text, share, &call)));
            }
        }
        let written = write_record(&shorter, format);
        if written.len() <= max || share <= TEXT_MIN_BYTES {
            return written;
        }
        share = share * 4 / 5;
    }
}

fn write_record(fields: &Map<String, Value>, format: Format) -> String {
    match format {
        Format::Json => Value::Object(fields.clone()).to_string(),
        Format::Toon => toon::record(fields),
    }
}

/// Whole rows until the limit; then a record that says how many more there are.
fn list(rows: &[Value], format: Format, max: usize, more: &str) -> String {
    let write = |value: &Value| match format {
        Format::Json => value.to_string(),
        Format::Toon => toon::encode(value),
    };
    let total = rows.len();
    let mut kept = total;
    loop {
        let shown: Vec<Value> = rows.iter().take(kept).cloned().collect();
        let value = if kept == total {
            Value::Array(shown)
        } else {
            json!({"rows": shown, "left_out": total - kept, "next": more})
        };
        let text = write(&value);
        if text.len() <= max || kept == 0 {
            return text;
        }
        // In proportion, and at least one less.
        kept = (kept * max / text.len()).min(kept - 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(body: Body, format: Format, max: usize) -> String {
        let more = Some("output_read {field} {offset}".into());
        let one = Answer {
            body,
            more,
            ..Answer::default()
        };
        answer(one, Limits { format, max }).text
    }

    #[test]
    fn a_long_text_is_cut_after_encoding_to_valid_json() {
        let fields = json!({"state": "exited", "stdout": "\"\n".repeat(40_000), "stderr": "e"});
        let body = Body::Record(fields.as_object().cloned().unwrap());
        let text = rendered(body, Format::Json, 40_000);
        assert!(text.len() <= 40_000, "{}", text.len());
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["truncated"], true);
        assert!(
            back["stdout"]
                .as_str()
                .unwrap()
                .contains("to read it: output_read stdout ")
        );
        assert_eq!(back["stderr"], "e");
    }

    #[test]
    fn a_long_list_keeps_whole_rows_and_says_how_many_more() {
        let rows = (0..5_000)
            .map(|n| json!({"id": format!("session-{n}")}))
            .collect();
        let text = rendered(Body::Rows(rows), Format::Json, 10_000);
        assert!(text.len() <= 10_000);
        let back: Value = serde_json::from_str(&text).unwrap();
        let kept = back["rows"].as_array().unwrap().len();
        assert!(kept > 200);
        assert_eq!(back["left_out"], 5_000 - kept);
    }

    #[test]
    fn an_empty_list_is_two_brackets() {
        assert_eq!(rendered(Body::Rows(vec![]), Format::Json, 1_000), "[]");
    }
}
