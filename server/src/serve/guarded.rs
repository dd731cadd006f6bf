//! The last guard around a tool: whatever happens in it, there is an answer.

use std::panic::AssertUnwindSafe;

use futures::FutureExt as _;
use schema::Code;
use serde_json::Map;

use crate::tools::Reply;

/// Runs the call of the tool `name`; a panic in it is an answer like any
/// other, and the daemon lives (FAULTS 21).
pub async fn guarded(name: &str, call: impl Future<Output = Reply>) -> Reply {
    let call = AssertUnwindSafe(call).catch_unwind();
    call.await.unwrap_or_else(|_panic| {
        tracing::error!(tool = name, "a tool panicked");
        let mut structured = Map::new();
        structured.insert("code".into(), Code::Internal.as_str().into());
        Reply {
            text: format!(
                "internal: {name} failed by a defect of the daemon, which goes on; \
                 what it did before that is unknown, see `history`"
            ),
            structured,
            is_error: true,
            goes_on: None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_tool_is_an_answer() {
        let reply = guarded("exec", async { panic!("a defect") }).await;
        assert!(reply.is_error);
        assert!(reply.text.starts_with("internal: exec"));
        assert_eq!(reply.structured["code"], "internal");
    }
}
