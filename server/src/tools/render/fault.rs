//! A failure as a caller reads it.

use schema::Fault;
use schema::limits::ERROR_MAX_BYTES;
use serde_json::{Map, Value};

use super::cut::cut;
use super::write::Limits;
use crate::output::plain;
use crate::tools::reply::Reply;

/// What failed and why, the stable code, and the next step.
pub(in crate::tools) fn fault(fault: &Fault, _limits: Limits) -> Reply {
    let mut text = format!("{}: {}", fault.code, fault.message);
    if !fault.next.is_empty() {
        text.push_str("\nNext: ");
        text.push_str(&fault.next);
    }
    // A message may quote what a server said.
    let text = cut(&plain(text.as_bytes()), ERROR_MAX_BYTES - 200, None, |_| {
        String::new()
    });
    let mut structured = Map::new();
    structured.insert("code".into(), Value::from(fault.code.as_str()));
    Reply {
        text,
        structured,
        is_error: true,
        goes_on: None,
    }
}
