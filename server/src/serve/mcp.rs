//! MCP: rmcp's handler over the call path, the same for both eras and for
//! every transport.

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock,
    DiscoverResult, Implementation, InitializeRequestParams, InitializeResult, ListToolsResult,
    PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::{RequestContext, serve_directly_with_ct};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use schema::Code;
use schema::hello::{ClientContext, Format};
use serde_json::{Map, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::front::{Front, Present};
use super::lines::LineReader;
use super::progress;
use super::session;
use super::transport::{LineTransport, OUTGOING_MAX, Signals, write_lines};
use crate::tools::{Caller, Reach, Reply, Tools};

/// How long the tool list may be kept by a client of the newer era.
const LISTING_TTL_MS: u64 = 3_600_000;

/// How long a closed connection's last answers may take to be written.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// One client's handler.
#[derive(Debug, Clone)]
pub struct McpServer {
    tools: Arc<Tools>,
    info: Arc<ServerConfig>,
    context: Arc<ClientContext>,
    format: Format,
    toolsets: Arc<Vec<String>>,
    reach: Reach,
}

impl McpServer {
    /// A handler for a client that came in by `reach`.
    pub fn new(front: &Front, tools: Arc<Tools>, context: ClientContext, reach: Reach) -> Self {
        let identity = &front.identity;
        let mut info = ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_instructions(identity.instructions.clone());
        info.server_info = Implementation::new("remote-shell-mcp", identity.version.clone());
        let toolsets = if context.toolsets.is_empty() {
            identity.toolsets.clone()
        } else {
            context.toolsets.clone()
        };
        Self {
            tools,
            info: Arc::new(info),
            format: context.format.unwrap_or(identity.format),
            context: Arc::new(context),
            toolsets: Arc::new(toolsets),
            reach,
        }
    }

    /// Serves MCP on a stream until it closes or the daemon does.
    pub async fn serve<R, W>(self, front: &Front, lines: LineReader<R>, write: W, _here: Present)
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let gone = CancellationToken::new();
        let (out, queue) = mpsc::channel(OUTGOING_MAX);
        let broken = gone.clone();
        let writer = front.tasks.spawn(async move {
            let written: io::Result<()> = write_lines(queue, write).await;
            if let Err(error) = written {
                tracing::debug!(%error, "a client stopped reading");
                broken.cancel();
            }
        });
        let stop_writing = writer.abort_handle();
        let transport = LineTransport::new(lines, out, gone);
        // "Directly": the lifecycle is the handler's, so that an odd message
        // before the handshake cannot end the connection.
        let running = serve_directly_with_ct(self, transport, None, front.close.child_token());
        if let Err(error) = running.waiting().await {
            tracing::error!(%error, "serving a client failed");
        }
        if tokio::time::timeout(FLUSH_WAIT, writer).await.is_err() {
            stop_writing.abort();
        }
    }

    fn caller(&self, context: &RequestContext<RoleServer>) -> Caller {
        let signals = context.extensions.get::<Signals>();
        let (cancelled, vanished) = match signals {
            Some(signals) => (signals.cancelled.clone(), signals.vanished.clone()),
            // Over HTTP the stream's end is all that can be seen.
            None => (CancellationToken::new(), context.ct.clone()),
        };
        Caller {
            client: self.client_name(context),
            reach: self.reach,
            context: (*self.context).clone(),
            format: self.format,
            cancelled,
            vanished,
            progress: None,
            seq: None,
        }
    }

    fn client_name(&self, context: &RequestContext<RoleServer>) -> String {
        let named = if self.reach == Reach::Http {
            // rmcp makes up a client for each request of the older era.
            context.meta.client_info()
        } else {
            context.client_info()
        };
        match named {
            Some(client) => session::client_name(&client.name, &client.version),
            None => session::named_in(&context.extensions).unwrap_or_else(|| "unknown".into()),
        }
    }
}

impl ServerHandler for McpServer {
    fn get_info(&self) -> ServerConfig {
        (*self.info).clone()
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let answer = self.negotiate_initialize(&request)?;
        let mut peer = request;
        peer.protocol_version = answer.protocol_version.clone();
        context.peer.set_peer_info(peer);
        Ok(answer)
    }

    async fn discover(
        &self,
        _context: RequestContext<RoleServer>,
    ) -> Result<DiscoverResult, ErrorData> {
        let versions = self.supported_protocol_versions().into_owned();
        Ok(DiscoverResult::from_server_info(versions, self.get_info())
            .with_ttl_ms(LISTING_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let listing = self.tools.listing(&self.toolsets);
        let tools = listing
            .iter()
            .map(|entry| serde_json::from_value::<Tool>(entry.clone()))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| {
                ErrorData::internal_error(format!("a tool's entry is misshapen: {error}"), None)
            })?;
        let listed = ListToolsResult::with_all_items(tools);
        let version = context.protocol_version();
        if version.is_none_or(|version| version < ProtocolVersion::V_2026_07_28) {
            return Ok(listed);
        }
        Ok(listed
            .with_ttl_ms(LISTING_TTL_MS)
            .with_cache_scope(CacheScope::Private))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let mut caller = self.caller(&context);
        let arguments = request.arguments.unwrap_or_default();
        let token = context.meta.get_progress_token();
        let reply = progress::alongside(&context.peer, token, |progress| {
            caller.progress = progress;
            guarded(
                &request.name,
                self.tools.call(caller, &request.name, arguments),
            )
        })
        .await;
        Ok(result(reply).into())
    }
}

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
        }
    })
}

/// MCP's form of a reply.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_tool_is_an_answer() {
        let reply = guarded("exec", async { panic!("a defect") }).await;
        assert!(reply.is_error);
        assert!(reply.text.starts_with("internal: exec"));
        let result = result(reply);
        assert_eq!(result.structured_content.unwrap()["code"], "internal");
    }

    #[test]
    fn a_reply_is_one_block_and_no_empty_structure() {
        let result = result(Reply {
            text: "ok".into(),
            structured: Map::new(),
            is_error: false,
        });
        assert_eq!(result.content.len(), 1);
        assert_eq!(result.structured_content, None);
        assert_eq!(result.is_error, Some(false));
    }
}
