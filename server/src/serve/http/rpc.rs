//! `/rpc`: one JSON-RPC request to one answer, for scripts. The method is
//! `tools/list`, `tools/call` (parameters and result as in MCP), or simply a
//! tool's name with its arguments as parameters, answered with
//! `{text, is_error, structured}`. No result limit; a tool runs to its end.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use schema::hello::ClientContext;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::body;
use crate::serve::framer::{self, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND};
use crate::serve::front::{Front, Stage};
use crate::serve::{guarded, result};
use crate::tools::{Caller, Reach, Reply, Tools};

/// What a request asks for.
#[derive(Debug, PartialEq)]
enum Asked {
    List,
    Call {
        name: String,
        arguments: Map<String, Value>,
        as_mcp: bool,
    },
}

/// Answers one request.
pub(super) async fn answer(State(front): State<Arc<Front>>, request: Request) -> Response {
    let message = match body::read_json(request.into_body()).await {
        Ok(message) => message,
        Err(refused) => return refused,
    };
    let id = message.get("id").cloned().unwrap_or_default();
    let tools = match front.settled_stage().await {
        Stage::Ready(tools) => tools,
        stage => {
            let answer = framer::error(id, framer::BUSY, &front.hello(&stage).reason);
            return (StatusCode::SERVICE_UNAVAILABLE, Json(answer)).into_response();
        }
    };
    let result = match asked(message) {
        Err((code, words)) => return Json(framer::error(id, code, &words)).into_response(),
        Ok(Asked::List) => json!({"tools": *tools.listing(&front.identity.toolsets)}),
        Ok(Asked::Call {
            name,
            arguments,
            as_mcp,
        }) => match call(&front, tools, name, arguments).await {
            Some(reply) => written(reply, as_mcp),
            None => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    };
    Json(json!({"jsonrpc": "2.0", "id": id, "result": result})).into_response()
}

fn asked(message: Value) -> Result<Asked, (i64, String)> {
    let Value::Object(mut message) = message else {
        return Err((INVALID_REQUEST, "send one JSON-RPC request".into()));
    };
    let Some(Value::String(method)) = message.remove("method") else {
        return Err((INVALID_REQUEST, "the method is missing".into()));
    };
    let params = message.remove("params");
    match method.as_str() {
        "tools/list" => Ok(Asked::List),
        "tools/call" => {
            let mut params = object(params)?;
            let Some(Value::String(name)) = params.remove("name") else {
                return Err((INVALID_PARAMS, "the tool's name is missing".into()));
            };
            let arguments = object(params.remove("arguments"))?;
            Ok(Asked::Call {
                name,
                arguments,
                as_mcp: true,
            })
        }
        other if other.contains('/') => Err((
            METHOD_NOT_FOUND,
            "the method is tools/list, tools/call or a tool's name".into(),
        )),
        _ => Ok(Asked::Call {
            name: method,
            arguments: object(params)?,
            as_mcp: false,
        }),
    }
}

fn object(value: Option<Value>) -> Result<Map<String, Value>, (i64, String)> {
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(object)) => Ok(object),
        Some(_) => Err((INVALID_PARAMS, "parameters are an object".into())),
    }
}

/// Calls a tool on a task of its own, which the end of this request does not
/// cut off: it only learns that the client went away.
async fn call(
    front: &Front,
    tools: Arc<Tools>,
    name: String,
    arguments: Map<String, Value>,
) -> Option<Reply> {
    let gone = CancellationToken::new();
    let caller = Caller {
        client: "rpc".into(),
        reach: Reach::Rpc,
        context: ClientContext::default(),
        format: front.identity.format,
        cancelled: CancellationToken::new(),
        vanished: gone.clone(),
        progress: None,
        takes_tasks: false,
        seq: None,
    };
    let _tell = gone.drop_guard();
    let task = front.tasks.spawn(async move {
        let call = tools.call(caller, &name, arguments);
        guarded::guarded(&name, call).await
    });
    task.await.ok()
}

fn written(reply: Reply, as_mcp: bool) -> Value {
    if as_mcp {
        return serde_json::to_value(result::result(reply)).unwrap_or_default();
    }
    json!({"text": reply.text, "is_error": reply.is_error, "structured": reply.structured})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_a_list_a_call_or_a_tools_name() {
        assert_eq!(asked(json!({"method": "tools/list"})), Ok(Asked::List));
        let call = json!({"method": "tools/call", "params": {"name": "exec", "arguments": {}}});
        assert!(
            matches!(asked(call), Ok(Asked::Call { name, as_mcp: true, .. }) if name == "exec")
        );
        let tool = json!({"method": "exec", "params": {"id": "web"}});
        assert!(
            matches!(asked(tool), Ok(Asked::Call { arguments, as_mcp: false, .. }) if arguments["id"] == "web")
        );
        for (message, code) in [
            (json!([]), INVALID_REQUEST),
            (json!({"id": 1}), INVALID_REQUEST),
            (json!({"method": "resources/list"}), METHOD_NOT_FOUND),
            (json!({"method": "tools/call"}), INVALID_PARAMS),
            (json!({"method": "exec", "params": [1]}), INVALID_PARAMS),
        ] {
            assert_eq!(asked(message).unwrap_err().0, code);
        }
    }
}
