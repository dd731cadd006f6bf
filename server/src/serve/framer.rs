//! What one line is: a message to hand on, several, or an error to answer.
//! Pure; the transport does the reading and the writing.

use schema::limits::{IN_FLIGHT_MAX, LINE_MAX_BYTES};
use serde_json::{Value, json};

use super::lines::Line;
use super::strict::{self, Odd};

/// JSON-RPC: the text is not JSON.
pub const PARSE_ERROR: i64 = -32700;
/// JSON-RPC: the JSON is not a request.
pub const INVALID_REQUEST: i64 = -32600;
/// JSON-RPC: nothing has that name.
pub const METHOD_NOT_FOUND: i64 = -32601;
/// JSON-RPC: the parameters do not fit.
pub const INVALID_PARAMS: i64 = -32602;
/// JSON-RPC's range for servers: too many requests wait already.
pub const BUSY: i64 = -32000;

/// What a line turned out to be.
#[derive(Debug, PartialEq)]
pub enum Frame {
    /// Messages in their order; none for a blank line. A batch is taken apart:
    /// each of its requests is answered on its own line.
    Messages(Vec<Value>),
    /// An answer to write instead.
    Answer(Value),
    /// The other side closed.
    End,
}

/// Decides what a line is.
pub fn frame(line: Line) -> Frame {
    match line {
        Line::End => Frame::End,
        Line::TooLong(head) => Frame::Answer(error(
            strict::id_in_head(&head),
            INVALID_REQUEST,
            &format!(
                "the message is longer than {} MiB and was skipped",
                LINE_MAX_BYTES >> 20
            ),
        )),
        Line::Whole(text) => whole(text.trim_ascii()),
    }
}

/// The JSON-RPC error answer.
#[expect(clippy::needless_pass_by_value, reason = "json! takes it over")]
pub fn error(id: Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

/// The answer to a text that [`strict::parse`] did not take.
pub fn answer_to_odd(text: &[u8], odd: &Odd) -> Value {
    let (id, code) = match odd {
        Odd::NotJson(_) => (Value::Null, PARSE_ERROR),
        Odd::Refused(_) => (strict::id_in_head(text), INVALID_REQUEST),
    };
    error(id, code, &odd.to_string())
}

fn whole(text: &[u8]) -> Frame {
    if text.is_empty() {
        return Frame::Messages(Vec::new());
    }
    match strict::parse(text) {
        Ok(Value::Array(batch)) => taken_apart(batch),
        Ok(message) => Frame::Messages(vec![message]),
        Err(odd) => Frame::Answer(answer_to_odd(text, &odd)),
    }
}

fn taken_apart(batch: Vec<Value>) -> Frame {
    if batch.is_empty() || batch.len() > IN_FLIGHT_MAX {
        let words = format!("a batch has 1 to {IN_FLIGHT_MAX} messages");
        return Frame::Answer(error(Value::Null, INVALID_REQUEST, &words));
    }
    Frame::Messages(batch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str) -> (Value, i64) {
        match frame(Line::Whole(text.into())) {
            Frame::Answer(answer) => (
                answer["id"].clone(),
                answer["error"]["code"].as_i64().unwrap(),
            ),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn what_is_no_message_is_answered() {
        assert_eq!(answer("{nope"), (Value::Null, PARSE_ERROR));
        assert_eq!(answer("[]"), (Value::Null, INVALID_REQUEST));
        assert_eq!(
            answer(r#"{"id":4,"method":"a","method":"b"}"#),
            (json!(4), INVALID_REQUEST)
        );
        let head = br#"{"id":"big","params":"#.to_vec();
        assert!(matches!(frame(Line::TooLong(head)), Frame::Answer(a) if a["id"] == json!("big")));
    }

    #[test]
    fn blank_lines_are_nothing_and_a_batch_is_several_messages() {
        assert_eq!(frame(Line::Whole(b" \r".to_vec())), Frame::Messages(vec![]));
        assert_eq!(
            frame(Line::Whole(b"[{\"id\":1},{\"id\":2}]\r".to_vec())),
            Frame::Messages(vec![json!({"id": 1}), json!({"id": 2})])
        );
        assert_eq!(frame(Line::End), Frame::End);
    }
}
