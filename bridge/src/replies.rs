//! The JSON-RPC lines that the bridge writes by itself, each without its
//! newline.

use schema::{Code, Fault};
use serde_json::{Value, json};

use crate::request_id::RequestId;

const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
/// JSON-RPC's first code for an implementation's own errors; `data.code` has
/// the stable one.
const SERVER_ERROR: i32 = -32000;

/// Answers a line that is not JSON.
pub(crate) fn unreadable(why: &str) -> Vec<u8> {
    error(None, PARSE_ERROR, &format!("parse error: {why}"), None)
}

/// Answers a line that is JSON and no request.
pub(crate) fn invalid(id: Option<&RequestId>, why: &str) -> Vec<u8> {
    error(
        id,
        INVALID_REQUEST,
        &format!("invalid request: {why}"),
        None,
    )
}

/// Answers a request that cannot be served, with the stable code in `data`.
pub(crate) fn fault(id: Option<&RequestId>, fault: &Fault) -> Vec<u8> {
    error(id, SERVER_ERROR, &words(fault), Some(fault))
}

/// Answers a tool call that failed, in the form that models get to see.
pub(crate) fn tool_fault(id: &RequestId, fault: &Fault) -> Vec<u8> {
    let result = json!({
        "content": [{ "type": "text", "text": words(fault) }],
        "structuredContent": { "code": fault.code.as_str() },
        "isError": true,
    });
    line(Some(id), "result", &result)
}

/// Withdraws a request that a daemon made of the client before it went away.
pub(crate) fn withdrawn(id: &RequestId) -> Vec<u8> {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{},"reason":"the daemon that asked is gone"}}}}"#,
        id.raw()
    )
    .into_bytes()
}

/// What a request gets that was with a daemon when it went away.
pub(crate) fn outcome_unknown() -> Fault {
    Fault::new(
        Code::OutcomeUnknown,
        "the daemon went away during this call; its outcome is unknown, it may have taken effect",
    )
    .next("see `history` before you repeat it")
}

/// A failure and its next step as one text.
pub(crate) fn words(fault: &Fault) -> String {
    if fault.next.is_empty() {
        fault.message.clone()
    } else {
        format!("{}; {}", fault.message, fault.next)
    }
}

fn error(id: Option<&RequestId>, code: i32, message: &str, fault: Option<&Fault>) -> Vec<u8> {
    let mut body = json!({ "code": code, "message": message });
    if let (Some(fault), Some(members)) = (fault, body.as_object_mut()) {
        let data = json!({ "code": fault.code.as_str(), "next": fault.next });
        members.insert("data".into(), data);
    }
    line(id, "error", &body)
}

fn line(id: Option<&RequestId>, member: &str, body: &Value) -> Vec<u8> {
    let id = id.map_or("null", RequestId::raw);
    format!(r#"{{"jsonrpc":"2.0","id":{id},"{member}":{body}}}"#).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(line: &[u8]) -> Value {
        serde_json::from_slice(line).unwrap()
    }

    #[test]
    fn an_answer_echoes_the_id_as_it_was_written() {
        let id = RequestId::parse(r#""\u0061""#).unwrap();
        let text = String::from_utf8(tool_fault(&id, &outcome_unknown())).unwrap();
        assert!(text.contains(r#""id":"\u0061""#));
        let answer = value(text.as_bytes());
        assert_eq!(answer["result"]["isError"], true);
        assert_eq!(
            answer["result"]["structuredContent"]["code"],
            "outcome_unknown"
        );
    }

    #[test]
    fn an_unreadable_line_is_answered_without_an_id() {
        let answer = value(&unreadable("no"));
        assert_eq!(answer["id"], Value::Null);
        assert_eq!(answer["error"]["code"], -32700);
    }

    #[test]
    fn a_fault_keeps_its_stable_code_and_its_next_step() {
        let answer = value(&fault(None, &Fault::new(Code::Busy, "full").next("wait")));
        assert_eq!(answer["error"]["data"]["code"], "busy");
        assert_eq!(answer["error"]["message"], "full; wait");
        assert_eq!(value(&invalid(None, "x"))["error"]["code"], -32600);
        assert!(value(&withdrawn(&RequestId::parse("3").unwrap()))["params"]["requestId"] == 3);
    }
}
