//! MCP's form of a reply: a result, or a task in its place.

use rmcp::ErrorData;
use rmcp::model::{
    CallToolResult, ContentBlock, DetailedTask, JsonObject, Task as McpTask, TaskPayload,
    TaskStatus,
};
use serde_json::Value;

use crate::tools::{Reply, Stage, Task};

/// How long a job that ended can be read, as the contract says: 7 days.
const KEPT_MS: u64 = 7 * 24 * 3_600_000;

/// How often a client should ask. Asking is cheap, so soon.
const POLL_MS: u64 = 1_000;

/// The result of a call.
pub fn result(reply: Reply) -> CallToolResult {
    let content = vec![ContentBlock::text(reply.text)];
    let mut result = if reply.is_error {
        CallToolResult::error(content)
    } else {
        CallToolResult::success(content)
    };
    if !reply.structured.is_empty() {
        result.structured_content = Some(Value::Object(reply.structured));
    }
    result
}

/// A task without its result, as it stands in place of one.
pub fn seed(task: &Task) -> McpTask {
    let status = match task.stage {
        Stage::Working => TaskStatus::Working,
        Stage::Cancelled => TaskStatus::Cancelled,
        Stage::Ended(_) => TaskStatus::Completed,
    };
    McpTask::new(&task.id, status, &task.created_at, &task.updated_at)
        .with_status_message(&task.words)
        .with_ttl_ms(KEPT_MS)
        .with_poll_interval_ms(POLL_MS)
}

/// A task with its result. A call that ended as an error of its tool is
/// completed, too: failed is for errors of the protocol (SEP-2663).
pub fn detailed(task: Task) -> DetailedTask {
    let seed = seed(&task);
    let payload = match task.stage {
        Stage::Working => TaskPayload::Working,
        Stage::Cancelled => TaskPayload::Cancelled,
        Stage::Ended(reply) => match object(&result(reply)) {
            Ok(result) => TaskPayload::Completed { result },
            Err(error) => {
                let error = ErrorData::internal_error(error.to_string(), None);
                TaskPayload::Failed {
                    error: object(&error).unwrap_or_default(),
                }
            }
        },
    };
    DetailedTask::new(seed, payload)
}

fn object(value: &impl serde::Serialize) -> serde_json::Result<JsonObject> {
    serde_json::from_value(serde_json::to_value(value)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Map, json};

    fn reply(is_error: bool) -> Reply {
        Reply {
            text: "words".into(),
            structured: Map::new(),
            is_error,
            goes_on: None,
        }
    }

    #[test]
    fn a_reply_is_one_block_and_no_empty_structure() {
        let result = result(reply(false));
        assert_eq!(result.content.len(), 1);
        assert_eq!(result.structured_content, None);
        assert_eq!(result.is_error, Some(false));
    }

    #[test]
    fn a_task_that_ended_has_the_result_of_its_call_be_it_an_error() {
        let task = |stage| Task {
            id: "job-1".into(),
            created_at: "2026-03-01T09:30:00.000Z".into(),
            updated_at: "2026-03-01T09:30:01.000Z".into(),
            words: "so far".into(),
            stage,
        };
        for (stage, status, result) in [
            (Stage::Working, "working", Value::Null),
            (Stage::Cancelled, "cancelled", Value::Null),
            (Stage::Ended(reply(false)), "completed", json!(false)),
            (Stage::Ended(reply(true)), "completed", json!(true)),
        ] {
            let told = serde_json::to_value(detailed(task(stage))).unwrap();
            assert_eq!(told["taskId"], "job-1");
            assert_eq!(told["status"], status);
            assert_eq!(told["result"]["isError"], result);
        }
    }
}
