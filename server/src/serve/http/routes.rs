//! The routes, and `/mcp`: Streamable HTTP of both eras. No session lives in
//! the daemon, so none can die with a call in flight or with a restart.

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures::StreamExt as _;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use schema::hello::ClientContext;
use schema::limits::LINE_MAX_BYTES;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{body, guard, rpc};
use crate::serve::framer;
use crate::serve::front::{Front, Stage};
use crate::serve::mcp::McpServer;
use crate::serve::open_requests::OpenRequests;
use crate::serve::session;
use crate::tools::Reach;

/// What answers `/mcp`.
#[derive(Clone)]
struct Mcp {
    service: StreamableHttpService<McpServer, NeverSessionManager>,
    open: OpenRequests,
}

/// Every path that is served.
pub(super) fn router(front: Arc<Front>) -> Router {
    let mcp_door = mcp_door(&front);
    Router::new()
        .route(
            "/mcp",
            any(move |state, request| mcp(state, mcp_door.clone(), request)),
        )
        .route("/rpc", post(rpc::answer))
        .route(guard::OPEN_PATH, get(health))
        .layer(middleware::from_fn_with_state(Arc::clone(&front), guarded))
        .with_state(front)
}

fn mcp_door(front: &Arc<Front>) -> Mcp {
    let config = StreamableHttpServerConfig::default()
        .enforce_origin_validation()
        .with_legacy_session_mode(false)
        .with_max_request_body_bytes(LINE_MAX_BYTES)
        .with_cancellation_token(front.close.clone());
    let front = Arc::clone(front);
    let handler = move || match front.stage() {
        Stage::Ready(tools) => Ok(McpServer::new(
            &front,
            tools,
            ClientContext::default(),
            Reach::Http,
        )),
        stage => Err(io::Error::other(front.hello(&stage).reason)),
    };
    let sessions = Arc::new(NeverSessionManager::default());
    Mcp {
        service: StreamableHttpService::new(handler, sessions, config),
        open: OpenRequests::default(),
    }
}

async fn guarded(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    match guard::check(
        request.method(),
        request.uri(),
        request.headers(),
        &front.token,
    ) {
        Ok(()) => {
            let _here = front.enter();
            next.run(request).await
        }
        Err(refused) => refused,
    }
}

async fn health(State(front): State<Arc<Front>>) -> Response {
    match front.stage() {
        Stage::Ready(_) => (StatusCode::OK, "ok\n").into_response(),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "not serving\n").into_response(),
    }
}

async fn mcp(State(front): State<Arc<Front>>, door: Mcp, request: Request) -> Response {
    let stage = front.settled_stage().await;
    if !matches!(stage, Stage::Ready(_)) {
        return (StatusCode::SERVICE_UNAVAILABLE, front.hello(&stage).reason).into_response();
    }
    let (mut parts, body) = request.into_parts();
    let (body, message) = match body::read(body).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    if message.is_array() {
        let words = "a batch is not served over HTTP: send each of its requests by itself";
        let answer = framer::error(Value::Null, framer::INVALID_REQUEST, words);
        return (StatusCode::BAD_REQUEST, Json(answer)).into_response();
    }
    door.open.hear(&parts.headers, &message);
    let cancelled = door.open.begin(&parts.headers, &message).map(|open| {
        let cancelled = open.cancelled();
        parts.extensions.insert(open);
        cancelled
    });
    let request = Request::from_parts(parts, Body::from(body));
    let mut response = door.service.handle(request).await.map(Body::new);
    if let Some(cancelled) = cancelled {
        response = response.map(|body| until(body, cancelled));
    }
    if let Some(id) = new_session(&message)
        && response.status().is_success()
    {
        response.headers_mut().insert(session::HEADER, id);
    }
    response
}

/// The body as long as it is wanted: a cancelled request gets no answer.
fn until(body: Body, cancelled: CancellationToken) -> Body {
    let data = body.into_data_stream();
    Body::from_stream(data.take_until(cancelled.cancelled_owned()))
}

/// The session id for an `initialize`.
fn new_session(message: &Value) -> Option<HeaderValue> {
    if message.get("method")? != &json!("initialize") {
        return None;
    }
    let text = |name| {
        message
            .pointer(&format!("/params/clientInfo/{name}"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let client = session::client_name(text("name"), text("version"));
    HeaderValue::from_str(&session::id_for(&client)?).ok()
}
