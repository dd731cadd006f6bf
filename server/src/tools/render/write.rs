//! Writing an answer within its limit. What is cut stays valid JSON or TOON.

use schema::hello::Format;
use schema::limits::RESULT_UNBOUNDED_BYTES;
use serde_json::{Map, Value, json};

use super::cut::cut;
use super::shorten::shorten;
use super::toon;
use crate::tools::answer::{Answer, Body, More};
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
    let more = &answer.more;
    let text = match answer.body {
        Body::Text(words) => cut(&words, max, None, |shown| more.after("", shown)),
        Body::Record(fields) => record(fields, limits.format, max, more),
        Body::Rows(rows) => list(&rows, limits.format, max, &more.call),
    };
    Reply {
        text,
        structured: answer.structured,
        is_error: false,
        goes_on: answer.goes_on.map(|job| job.id().to_owned()),
    }
}

fn record(mut fields: Map<String, Value>, format: Format, max: usize, more: &More) -> String {
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
    let mut share = max.checked_div(texts.len()).unwrap_or(0);
    loop {
        let mut shorter = fields.clone();
        for name in &texts {
            if let Some(text) = fields.get(name).and_then(Value::as_str) {
                let gap = more.gap(name);
                let short = cut(text, share, gap, |shown| more.after(name, shown));
                shorter.insert(name.clone(), Value::String(short));
            }
        }
        let written = write_record(&shorter, format);
        if written.len() <= max {
            return written;
        }
        if share <= TEXT_MIN_BYTES {
            let fits = |fields: &Map<String, Value>| write_record(fields, format).len() <= max;
            return write_record(&shorten(&shorter, &more.call, fits), format);
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
    use crate::tools::answer::Begin;

    fn rendered(body: Body, format: Format, max: usize) -> String {
        let more = More::call("output_read {field} {offset}");
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
    fn what_was_cut_is_read_from_where_the_shown_text_ends_in_its_stream() {
        for is_exact in [true, false] {
            let begin = Begin {
                field: "stdout",
                offset: 300,
                is_exact,
                gap: None,
            };
            let more = More {
                call: "at {offset}".into(),
                begins: vec![begin],
            };
            let fields = json!({"stdout": "x".repeat(5_000)});
            let fields = fields.as_object().cloned().unwrap();
            let text = record(fields, Format::Json, 800, &more);
            let at = text.split("to read it: at ").nth(1).unwrap();
            let shown = text.find("\\n[").unwrap() - text.find('x').unwrap();
            let wanted = if is_exact { 300 + shown } else { 300 };
            assert!(at.starts_with(&wanted.to_string()), "{text}");
        }
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
    fn a_record_of_many_rows_is_cut_to_valid_json() {
        let rows: Vec<Value> = (0..5_000).map(|n| json!({"id": n})).collect();
        let fields = json!({"version": "1", "sessions": rows});
        let body = Body::Record(fields.as_object().cloned().unwrap());
        let text = rendered(body, Format::Json, 10_000);
        assert!(text.len() <= 10_000);
        let back: Value = serde_json::from_str(&text).unwrap();
        let kept = back["sessions"].as_array().unwrap().len();
        assert_eq!(back["left_out"]["sessions"], 5_000 - kept);
        assert_eq!(back["version"], "1");
    }

    #[test]
    fn an_empty_list_is_two_brackets() {
        assert_eq!(rendered(Body::Rows(vec![]), Format::Json, 1_000), "[]");
    }
}
