//! What the bridge reads of a JSON-RPC line: id, method, and of some methods
//! one parameter. The line itself is forwarded as it came.

use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::ends;
use crate::request_id::RequestId;

/// A method's name; real ones have under 50 bytes.
const METHOD_MAX_BYTES: usize = 256;

/// How deep a line may nest. `serde_json` refuses 128 in the daemon and then
/// nobody answers, so what comes near is refused here.
const DEPTH_MAX: usize = 100;

/// Messages in one batch of the 2025-03-26 revision.
const BATCH_MAX: usize = 256;

/// A line, as far as the bridge understands it.
#[derive(Debug, PartialEq)]
pub(crate) enum Scanned<'a> {
    /// It wants an answer.
    Request {
        id: RequestId,
        method: String,
        params: &'a str,
    },
    /// It wants none.
    Notification { method: String, params: &'a str },
    /// It answers a request of this side; no id after an unreadable one.
    Answer { id: Option<RequestId>, worked: bool },
    /// Several messages on one line.
    Batch(Vec<&'a str>),
    /// What the daemon writes instead of serving.
    Refusal(schema::Fault),
    /// White space.
    Blank,
    /// Not JSON-RPC.
    Malformed(Malformed),
}

/// Why a line is not JSON-RPC.
#[derive(Debug, PartialEq)]
pub(crate) struct Malformed {
    /// The sender's id, where it can be read.
    pub(crate) id: Option<RequestId>,
    /// Whether it is not even JSON.
    pub(crate) unreadable: bool,
    /// Why, in words.
    pub(crate) why: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    jsonrpc: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    method: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    params: Option<&'a RawValue>,
    #[serde(default)]
    result: Option<IgnoredAny>,
    #[serde(default)]
    error: Option<IgnoredAny>,
    #[serde(default)]
    refused: Option<schema::Fault>,
}

/// A member that is there, `null` included.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Reads one line, without its newline.
pub(crate) fn scan(line: &[u8]) -> Scanned<'_> {
    let Ok(text) = std::str::from_utf8(line) else {
        return unreadable("the line is not UTF-8");
    };
    let text = text.trim_ascii();
    if text.is_empty() {
        return Scanned::Blank;
    }
    if nests_too_deep(text.as_bytes()) {
        return Scanned::Malformed(Malformed {
            id: ends::id_at_either_end(text.as_bytes()),
            unreadable: false,
            why: format!("the message nests deeper than {DEPTH_MAX}"),
        });
    }
    if text.starts_with('[') {
        return batch(text);
    }
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => message(&envelope),
        Err(error) => unreadable(&error.to_string()),
    }
}

/// The tool that a `tools/call` names; empty when it names none.
pub(crate) fn tool_name(params: &str) -> String {
    #[derive(Deserialize)]
    struct Call {
        name: String,
    }
    serde_json::from_str::<Call>(params).map_or_else(|_| String::new(), |call| call.name)
}

/// The request that a `notifications/cancelled` is about.
pub(crate) fn cancelled_id(params: &str) -> Option<RequestId> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Cancelled<'a> {
        #[serde(borrow)]
        request_id: &'a RawValue,
    }
    let cancelled = serde_json::from_str::<Cancelled<'_>>(params).ok()?;
    RequestId::parse(cancelled.request_id.get())
}

fn message<'a>(envelope: &Envelope<'a>) -> Scanned<'a> {
    let id = envelope.id.map(RawValue::get);
    let known = id.and_then(RequestId::parse);
    let malformed = |why: &str| {
        Scanned::Malformed(Malformed {
            id: known.clone(),
            unreadable: false,
            why: why.to_owned(),
        })
    };
    if let Some(refused) = &envelope.refused {
        return Scanned::Refusal(refused.clone());
    }
    if envelope.jsonrpc.map(RawValue::get) != Some("\"2.0\"") {
        return malformed("`jsonrpc` is not \"2.0\"");
    }
    if let Some(method) = envelope.method {
        let Some(method) = short_text(method.get()) else {
            return malformed("`method` is not a short string");
        };
        let params = envelope.params.map_or("", RawValue::get);
        return match (id, known) {
            (None, _) => Scanned::Notification { method, params },
            (Some(_), Some(id)) => Scanned::Request { id, method, params },
            (Some(_), None) => Scanned::Malformed(Malformed {
                id: None,
                unreadable: false,
                why: "`id` is neither an integer nor a short string".into(),
            }),
        };
    }
    match (envelope.result.is_some(), envelope.error.is_some()) {
        (worked, failed) if worked != failed => Scanned::Answer { id: known, worked },
        _ => malformed("neither a request nor an answer"),
    }
}

fn batch(text: &str) -> Scanned<'_> {
    let commas_at_least = text.bytes().filter(|byte| *byte == b',').count();
    // Each message has several commas of its own, so few commas are few items
    // and the vector below stays small.
    if commas_at_least > BATCH_MAX * 1024 {
        return unreadable("the batch has too many parts");
    }
    match serde_json::from_str::<Vec<&RawValue>>(text) {
        Ok(items) if items.is_empty() => Scanned::Malformed(Malformed {
            id: None,
            unreadable: false,
            why: "the batch is empty".into(),
        }),
        Ok(items) if items.len() > BATCH_MAX => Scanned::Malformed(Malformed {
            id: None,
            unreadable: false,
            why: format!("the batch has more than {BATCH_MAX} messages"),
        }),
        Ok(items) => Scanned::Batch(items.into_iter().map(RawValue::get).collect()),
        Err(error) => unreadable(&error.to_string()),
    }
}

fn unreadable(why: &str) -> Scanned<'static> {
    Scanned::Malformed(Malformed {
        id: None,
        unreadable: true,
        why: why.to_owned(),
    })
}

fn short_text(raw: &str) -> Option<String> {
    (raw.len() <= METHOD_MAX_BYTES)
        .then(|| serde_json::from_str(raw).ok())
        .flatten()
}

fn nests_too_deep(text: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > DEPTH_MAX {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(raw: &str) -> RequestId {
        RequestId::parse(raw).unwrap()
    }

    #[test]
    fn ids_compare_by_value_and_keep_their_text() {
        assert_eq!(id(r#""ab""#), id(r#""a\u0062""#));
        assert_ne!(id("1"), id("\"1\""));
        assert_eq!(id(r#""a\u0062""#).raw(), r#""a\u0062""#);
        assert_eq!(id("18446744073709551615").raw(), "18446744073709551615");
        for bad in [
            "null",
            "1.5",
            "1e3",
            "true",
            "{}",
            "[]",
            "99999999999999999999",
        ] {
            assert_eq!(RequestId::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn messages_are_told_apart_in_any_order_of_members() {
        let request =
            br#" {"params":{"name":"ssh_exec"},"method":"tools/call","id":"x","jsonrpc":"2.0"}"#;
        let Scanned::Request {
            id: at,
            method,
            params,
        } = scan(request)
        else {
            panic!("not a request");
        };
        assert_eq!((at, method.as_str()), (id("\"x\""), "tools/call"));
        assert_eq!(tool_name(params), "ssh_exec");
        assert!(matches!(
            scan(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#),
            Scanned::Notification { .. }
        ));
        assert!(matches!(
            scan(br#"{"jsonrpc":"2.0","id":3,"result":{"error":1}}"#),
            Scanned::Answer {
                id: Some(_),
                worked: true
            }
        ));
        assert!(matches!(
            scan(br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700}}"#),
            Scanned::Answer {
                id: None,
                worked: false
            }
        ));
        assert_eq!(scan(b" \r"), Scanned::Blank);
    }

    #[test]
    fn what_is_not_json_rpc_is_told_with_its_id_where_there_is_one() {
        let table: [(&[u8], Option<&str>, bool); 9] = [
            (b"{", None, true),
            (b"hello", None, true),
            (b"\xff\xfe", None, true),
            (
                br#"{"id":1,"id":2,"jsonrpc":"2.0","method":"m"}"#,
                None,
                true,
            ),
            (br#"{"id":1,"method":"m"}"#, Some("1"), false),
            (br#"{"id":null,"jsonrpc":"2.0","method":"m"}"#, None, false),
            (br#"{"id":1.5,"jsonrpc":"2.0","method":"m"}"#, None, false),
            (br#"{"id":1,"jsonrpc":"2.0","method":7}"#, Some("1"), false),
            (b"[]", None, false),
        ];
        for (line, at, unreadable) in table {
            let Scanned::Malformed(bad) = scan(line) else {
                panic!("{}", String::from_utf8_lossy(line));
            };
            assert_eq!(bad.id.as_ref().map(RequestId::raw), at);
            assert_eq!(
                bad.unreadable,
                unreadable,
                "{}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn a_deep_line_is_refused_before_it_is_parsed() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let Scanned::Malformed(bad) = scan(deep.as_bytes()) else {
            panic!("accepted");
        };
        assert_eq!(bad.id, Some(id("7")));
        let brackets_in_text = format!(
            r#"{{"jsonrpc":"2.0","id":7,"method":"m","params":"{}"}}"#,
            "[\\\"".repeat(500)
        );
        assert!(matches!(
            scan(brackets_in_text.as_bytes()),
            Scanned::Request { .. }
        ));
    }

    #[test]
    fn a_batch_is_taken_apart() {
        let line = br#"[{"jsonrpc":"2.0","id":1,"method":"ping"}, {"jsonrpc":"2.0","method":"n"}]"#;
        let Scanned::Batch(items) = scan(line) else {
            panic!("not a batch");
        };
        assert_eq!(items.len(), 2);
        assert!(matches!(scan(items[0].as_bytes()), Scanned::Request { .. }));
    }

    #[test]
    fn a_cancellation_names_its_request() {
        assert_eq!(
            cancelled_id(r#"{"reason":"x","requestId":4}"#),
            Some(id("4"))
        );
        assert_eq!(cancelled_id("{}"), None);
        assert_eq!(tool_name("{}"), "");
    }
}
