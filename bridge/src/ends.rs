//! The id of a message of which only both ends can be looked at: a line that
//! is too long to keep, or nests too deep to parse.
//!
//! Clients write the id among the first members or as the very last one.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::request_id::RequestId;

/// How much of a skipped line's end is kept: room for a last member and its
/// white space.
pub(crate) const TAIL_BYTES: usize = 2048;

/// The id of a whole line that is not to be parsed.
pub(crate) fn id_at_either_end(line: &[u8]) -> Option<RequestId> {
    let head = line.get(..TAIL_BYTES).unwrap_or(line);
    id_at_start(head).or_else(|| id_at_end(line))
}

/// The id among the members that lie wholly in `head`, the beginning of an
/// object.
pub(crate) fn id_at_start(head: &[u8]) -> Option<RequestId> {
    let mut found = None;
    let mut deserializer = serde_json::Deserializer::from_slice(head);
    // Nearly always an error, for `head` ends in the middle: what was found
    // before it counts.
    drop(deserializer.deserialize_map(Members(&mut found)));
    let raw = found?.get();
    // A number that ends where `head` does may be a longer one's beginning.
    let is_whole = raw.as_bytes().as_ptr_range().end != head.as_ptr_range().end;
    is_whole.then(|| RequestId::parse(raw)).flatten()
}

struct Members<'a, 'de>(&'a mut Option<&'de RawValue>);

impl<'de> Visitor<'de> for Members<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            if name == "id" {
                *self.0 = Some(members.next_value::<&RawValue>()?);
                return Ok(());
            }
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

/// The id, if it is the last member of the object that ends with `tail`.
///
/// Sound for every valid object: its last `}` is outside of any string, hence
/// so is the value before it, and a quote inside a string would follow a
/// backslash, not the `,` or `{` that is asked for here.
pub(crate) fn id_at_end(tail: &[u8]) -> Option<RequestId> {
    let rest = tail.trim_ascii_end().strip_suffix(b"}")?.trim_ascii_end();
    let value_at = match rest.strip_suffix(b"\"") {
        Some(text) => text.iter().rposition(|byte| *byte == b'"')?,
        None => rest
            .iter()
            .rposition(|byte| !matches!(byte, b'-' | b'0'..=b'9'))?
            .checked_add(1)?,
    };
    let (before, value) = rest.split_at_checked(value_at)?;
    let name = before.trim_ascii_end().strip_suffix(b":")?;
    let before = name.trim_ascii_end().strip_suffix(b"\"id\"")?;
    let separator = before.trim_ascii_end().last()?;
    if !matches!(separator, b',' | b'{') {
        return None;
    }
    RequestId::parse(std::str::from_utf8(value).ok()?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn raw(id: Option<RequestId>) -> Option<String> {
        id.map(|id| id.raw().to_owned())
    }

    #[test]
    fn an_id_is_found_at_the_start_and_at_the_end_only_if_it_is_the_messages() {
        assert_eq!(
            raw(id_at_start(br#"{"jsonrpc":"2.0","id":5,"params":"aaaa"#)),
            Some("5".into())
        );
        assert_eq!(raw(id_at_start(br#"{"params":{"id":5},"x":"aaaa"#)), None);
        assert_eq!(raw(id_at_start(br#"{"id":1000"#)), None, "it may go on");
        let table: [(&str, Option<&str>); 8] = [
            (r#"zzz"},"jsonrpc":"2.0","id":12}"#, Some("12")),
            (r#"zzz"}, "id" : "a-b" } "#, Some("\"a-b\"")),
            (r#"zzz","x":{"id":12}}"#, None),
            (r#"zzz,\"id\":12"}"#, None),
            (r#"zzz\"id\":\"12"}"#, None),
            (r#""x,\"id":12}"#, None),
            (r#","id":1.5}"#, None),
            ("", None),
        ];
        for (tail, id) in table {
            assert_eq!(raw(id_at_end(tail.as_bytes())).as_deref(), id, "{tail}");
        }
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-z\"\\\\,:{} id]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            let members = prop::collection::vec((names(), inner.clone()), 0..4);
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(Value::from),
                members.prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    fn names() -> impl Strategy<Value = String> {
        prop_oneof![Just("id".to_owned()), "[a-z\"\\\\,:{}]{0,6}"]
    }

    proptest! {
        #[test]
        fn whatever_is_found_is_what_a_parser_finds(
            members in prop::collection::vec((names(), values()), 0..5),
            cut in 0_usize..400,
        ) {
            let object = Value::Object(members.into_iter().collect());
            let text = object.to_string();
            let id = object.get("id").map(ToString::to_string);
            if let Some(found) = raw(id_at_start(&text.as_bytes()[..cut.min(text.len())])) {
                prop_assert_eq!(Some(found), id.clone());
            }
            if let Some(found) = raw(id_at_end(text.as_bytes())) {
                prop_assert_eq!(Some(found), id);
            }
        }

        #[test]
        fn a_last_integer_id_is_always_found(value in values(), number in any::<i64>()) {
            let text = format!(r#"{{"params":{value},"id":{number}}}"#);
            prop_assert_eq!(raw(id_at_end(text.as_bytes())), Some(json!(number).to_string()));
        }

        #[test]
        fn no_bytes_upset_the_scanner(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let parses = serde_json::from_slice::<Value>(&bytes).is_ok();
            let scanned = crate::scan::scan(&bytes);
            if !parses && scanned != crate::scan::Scanned::Blank {
                prop_assert!(matches!(scanned, crate::scan::Scanned::Malformed(_)));
            }
            drop((id_at_start(&bytes), id_at_end(&bytes)));
        }
    }
}
