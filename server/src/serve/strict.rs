//! JSON read strictly: a name twice in one object, too deep a nesting and too
//! many values are refused, so that no two readers of one message disagree and
//! no small message becomes a large one in memory.

use std::cell::Cell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Values in one message. A real call has some hundred; at 32 bytes a value
/// this is 8 MiB, where a full line of `0,` would be 256 MiB.
const VALUES_MAX: usize = 1 << 18;

/// Why a text was not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Odd {
    /// It is not JSON, or nested more than 128 deep.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// It is JSON that this reader refuses.
    #[error("refused: {0}")]
    Refused(String),
}

/// The one JSON value that `text` is.
pub fn parse(text: &[u8]) -> Result<Value, Odd> {
    let left = Cell::new(VALUES_MAX);
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value = Strict(&left).deserialize(&mut reader).map_err(odd)?;
    reader.end().map_err(odd)?;
    Ok(value)
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn odd(error: serde_json::Error) -> Odd {
    match error.classify() {
        serde_json::error::Category::Data => Odd::Refused(error.to_string()),
        _ => Odd::NotJson(error.to_string()),
    }
}

/// The id of the message that begins with `head`, without parsing it whole:
/// the first `"id"` of the outermost object, when it is a number or a string.
pub fn id_in_head(head: &[u8]) -> Value {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = head.get(at) {
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = string_end(head, at);
                if depth == 1
                    && head.get(at..end) == Some(b"\"id\"")
                    && let Some(id) = scalar_after_colon(head.get(end..).unwrap_or_default())
                {
                    return id;
                }
                at = end;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    Value::Null
}

/// Where the string that begins at `start` ends, its closing quote included.
fn string_end(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = text.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

fn scalar_after_colon(text: &[u8]) -> Option<Value> {
    let text = text.trim_ascii_start().strip_prefix(b":")?;
    let value = serde_json::Deserializer::from_slice(text)
        .into_iter::<Value>()
        .next()?
        .ok()?;
    (value.is_number() || value.is_string()).then_some(value)
}

/// Reads one value, counting down what is left.
struct Strict<'a>(&'a Cell<usize>);

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let Some(left) = self.0.get().checked_sub(1) else {
            return Err(de::Error::custom(format_args!(
                "more than {VALUES_MAX} values in one message"
            )));
        };
        self.0.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Strict(self.0))? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            if values.contains_key(&name) {
                let shown: String = name.chars().take(40).collect();
                return Err(de::Error::custom(format_args!(
                    "the name {shown:?} stands twice in one object"
                )));
            }
            values.insert(name, map.next_value_seed(Strict(self.0))?);
        }
        Ok(Value::Object(values))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ordinary_json_is_read_as_serde_json_reads_it() {
        let text = r#"{"a":[1,-2,3.5,null,true,"x"],"b":{"c":{}}}"#;
        assert_eq!(
            parse(text.as_bytes()).unwrap(),
            serde_json::from_str::<Value>(text).unwrap()
        );
    }

    #[test]
    fn odd_texts_are_refused() {
        let deep = "[".repeat(100_000);
        let many = format!("[{}0]", "0,".repeat(VALUES_MAX));
        for (text, is_json) in [
            (b"{\"a\":1,\"b\":{\"x\":1,\"x\":2}}".as_slice(), true),
            (many.as_bytes(), true),
            (deep.as_bytes(), false),
            (b"{\"a\":\"\xff\xfe\"}", false),
            (b"{\"a\":1} {\"b\":2}", false),
            (b"hello", false),
            (b"{\"a\":1e999}", false),
        ] {
            match parse(text) {
                Err(Odd::Refused(_)) => assert!(is_json),
                Err(Odd::NotJson(_)) => assert!(!is_json),
                Ok(value) => panic!("taken: {value}"),
            }
        }
    }

    #[test]
    fn an_id_is_found_in_the_beginning_of_a_message() {
        for (head, id) in [
            (r#"{"jsonrpc":"2.0","id":7,"params":{"x":"#, json!(7)),
            (r#"{"params":{"id":1,"t":"\"id\":3"},"id":"x""#, json!("x")),
            (r#"{"params":{"id":1}"#, Value::Null),
            (r#"{"id":{"a":1},"#, Value::Null),
            (r#"{"id":"unfinis"#, Value::Null),
            ("", Value::Null),
        ] {
            assert_eq!(id_in_head(head.as_bytes()), id, "{head}");
        }
    }
}
