//! The routes, and `/mcp`: Streamable HTTP of both eras. No session lives in
//! the daemon, so none can die with a call in flight or with a restart.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use schema::hello::ClientContext;
use schema::limits::LINE_MAX_BYTES;
use serde_json::{Value, json};

use super::{body, guard, rpc};
use crate::serve::front::{Front, Stage};
use crate::serve::mcp::McpServer;
use crate::serve::session;
use crate::tools::Reach;

type Mcp = StreamableHttpService<McpServer, NeverSessionManager>;

/// Every path that is served.
pub(super) fn router(front: Arc<Front>) -> Router {
    let service = mcp_service(&front);
    Router::new()
        .route(
            "/mcp",
            any(move |state, request| mcp(state, service.clone(), request)),
        )
        .route("/rpc", post(rpc::answer))
        .route(guard::OPEN_PATH, get(health))
        .layer(middleware::from_fn_with_state(Arc::clone(&front), guarded))
        .with_state(front)
}

fn mcp_service(front: &Arc<Front>) -> Mcp {
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
    StreamableHttpService::new(handler, Arc::new(NeverSessionManager::default()), config)
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

async fn mcp(State(front): State<Arc<Front>>, service: Mcp, request: Request) -> Response {
    let stage = front.settled_stage().await;
    if !matches!(stage, Stage::Ready(_)) {
        return (StatusCode::SERVICE_UNAVAILABLE, front.hello(&stage).reason).into_response();
    }
    let (parts, body) = request.into_parts();
    let (body, message) = match body::read(body).await {
        Ok(read) => read,
        Err(refused) => return refused,
    };
    let request = Request::from_parts(parts, Body::from(body));
    let mut response = service.handle(request).await.map(Body::new);
    if let Some(id) = new_session(&message)
        && response.status().is_success()
    {
        response.headers_mut().insert(session::HEADER, id);
    }
    response
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
