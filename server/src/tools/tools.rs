//! The tools as one value (to be filled).

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Caller, Reply};

/// Every tool, and what they share.
#[derive(Debug, Default)]
pub struct Tools {}

impl Tools {
    /// Calls one.
    #[expect(clippy::unused_async, reason = "the shape of the real one")]
    pub async fn call(&self, caller: Caller, name: &str, arguments: Map<String, Value>) -> Reply {
        let _unused = (caller, arguments);
        Reply {
            text: format!("not_found: no tool is named {name}"),
            structured: json!({"code": "not_found"})
                .as_object()
                .cloned()
                .unwrap_or_default(),
            is_error: true,
        }
    }

    /// The entries of MCP's `tools/list`.
    pub fn listing(&self, _toolsets: &[String]) -> Arc<Vec<Value>> {
        Arc::new(vec![json!({
            "name": "status",
            "description": "What the daemon holds.",
            "inputSchema": {"type": "object"},
        })])
    }

    /// Whether nothing lives: no session, forward, shell or job.
    pub fn is_idle(&self) -> bool {
        true
    }

    /// Lets calls end.
    #[expect(clippy::unused_async, reason = "the shape of the real one")]
    pub async fn drain(&self, _limit: Duration) {}
}
