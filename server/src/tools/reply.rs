//! What a call answers: one text block, with a few small fields beside it.

use serde_json::{Map, Value};

/// The answer to a tool call, rendered in the caller's format and within the
/// caller's limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The one text block.
    pub text: String,
    /// Small fields for programs (a code, a job id); empty when there are none.
    pub structured: Map<String, Value>,
    /// Whether the call failed.
    pub is_error: bool,
    /// The job that the call started and did not wait for.
    pub goes_on: Option<String>,
}
