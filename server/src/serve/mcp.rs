//! MCP: rmcp's handler over the call path, the same for both eras and for
//! every transport.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CreateTaskResult,
    DiscoverResult, GetTaskParams, GetTaskResult, Implementation, InitializeRequestParams,
    InitializeResult, ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities,
    ServerConfig, Tool, UpdateTaskParams,
};
use rmcp::service::{RequestContext, serve_directly_with_ct};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use schema::Fault;
use schema::hello::{ClientContext, Format};
use serde_json::{Map, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::front::{Front, Present};
use super::guarded::guarded;
use super::lines::LineReader;
use super::open_requests::OpenRequest;
use super::result::{detailed, result, seed};
use super::transport::{LineTransport, OUTGOING_MAX, Signals, write_lines};
use super::{progress, session};
use crate::tools::{Caller, Reach, Task, Tools};

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
        let capabilities = ServerCapabilities::builder().enable_tools().enable_tasks();
        let mut info = ServerConfig::new(capabilities.build())
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
            // Over HTTP the end of the stream is no cancel: it may be a
            // network's, and work is not ended by that.
            None => (
                OpenRequest::among(&context.extensions)
                    .map(OpenRequest::cancelled)
                    .unwrap_or_default(),
                context.ct.clone(),
            ),
        };
        Caller {
            client: self.client_name(context),
            reach: self.reach,
            context: (*self.context).clone(),
            format: self.format,
            cancelled,
            vanished,
            progress: None,
            takes_tasks: context
                .client_capabilities()
                .is_some_and(|capabilities| capabilities.supports_tasks()),
            seq: None,
        }
    }

    fn task(&self, id: &str, context: &RequestContext<RoleServer>) -> Result<Task, ErrorData> {
        let caller = self.caller(context);
        self.tools
            .task(id, &caller)
            .map_err(|fault| refused(&fault))
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
        let mut answer = self.negotiate_initialize(&request)?;
        // Clients of before the extensions see what they always saw.
        if !request.capabilities.supports_tasks() {
            answer.capabilities.extensions = None;
        }
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
        let takes_tasks = caller.takes_tasks;
        let reply = progress::alongside(&context.peer, token, |progress| {
            caller.progress = progress;
            guarded(
                &request.name,
                self.tools.call(caller, &request.name, arguments),
            )
        })
        .await;
        if takes_tasks
            && let Some(job) = &reply.goes_on
            && let Ok(task) = self.task(job, &context)
        {
            return Ok(CreateTaskResult::new(seed(&task)).into());
        }
        Ok(result(reply).into())
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        let task = self.task(&request.task_id, &context)?;
        Ok(GetTaskResult::new(detailed(task)))
    }

    /// A task of ours never asks for input, so there is nothing to take over.
    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.task(&request.task_id, &context).map(drop)
    }

    /// The tool's call, with its rules and its record. A task that has ended
    /// stays as it is.
    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.task(&request.task_id, &context)?;
        let (tool, caller) = ("job_cancel", self.caller(&context));
        let mut arguments = Map::new();
        arguments.insert("job_id".into(), json!(request.task_id));
        let reply = guarded(tool, self.tools.call(caller, tool, arguments)).await;
        if reply.is_error {
            return Err(ErrorData::internal_error(reply.text, None));
        }
        Ok(())
    }
}

/// The error for a task that is not there, -32602 by SEP-2663, or not the
/// caller's to see.
fn refused(fault: &Fault) -> ErrorData {
    let data = Some(json!({"code": fault.code.as_str()}));
    ErrorData::invalid_params(fault.message.clone(), data)
}
