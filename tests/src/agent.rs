//! An MCP client on a bridge's stdio, of either era.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};

use crate::until::attempt;
use crate::wire::Wire;
use crate::{Pending, Reply, process};

/// How a client opens the conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// `initialize`, as of 2025-06-18.
    Handshake,
    /// 2026-07-28: each request says who asks.
    Stateless,
}

/// A client and the bridge that it started.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    wire: Wire,
    next_id: AtomicU64,
    era: Era,
}

impl Agent {
    /// Starts `bridge` and opens the conversation.
    pub fn start(bridge: Command, era: Era) -> Self {
        let agent = Self::silent(bridge, era);
        if era == Era::Handshake {
            let hello = agent.initialize().reply();
            assert!(!hello.is_error(), "{:?}", hello.raw());
            agent.initialized();
        }
        agent
    }

    /// Starts `bridge` and says nothing yet.
    pub fn silent(mut bridge: Command, era: Era) -> Self {
        let mut child = bridge
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the bridge starts");
        let ends = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = ends else {
            panic!("a bridge without its three streams");
        };
        let wire = Wire::new(stdin, stdout, stderr);
        Self {
            child,
            wire,
            next_id: AtomicU64::new(1),
            era,
        }
    }

    /// Sends `initialize`.
    pub fn initialize(&self) -> Pending {
        self.initialize_with(json!({}))
    }

    /// Sends `initialize` of a client with these capabilities.
    pub fn initialize_with(&self, capabilities: Value) -> Pending {
        let info = json!({"name": "story", "version": "1"});
        let params = json!({"protocolVersion": "2025-06-18", "capabilities": capabilities,
            "clientInfo": info});
        self.send("initialize", params)
    }

    /// Sends the notification that ends the handshake.
    pub fn initialized(&self) {
        self.line(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}).to_string());
    }

    /// Calls a tool and waits for the answer.
    #[track_caller]
    pub fn call(&self, tool: &str, arguments: Value) -> Reply {
        self.begin(tool, arguments).reply()
    }

    /// Calls a tool; the answer is asked for later.
    pub fn begin(&self, tool: &str, arguments: Value) -> Pending {
        self.send("tools/call", json!({"name": tool, "arguments": arguments}))
    }

    /// Says that an answer is not wanted any more.
    pub fn cancel(&self, pending: &Pending) {
        let params = json!({"requestId": pending.id()});
        let word = json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params});
        self.line(&word.to_string());
    }

    /// Sends any request.
    pub fn send(&self, method: &str, params: Value) -> Pending {
        let id = json!(self.next_id.fetch_add(1, Ordering::Relaxed));
        let params = match self.era {
            Era::Handshake => params,
            Era::Stateless => with_meta(params),
        };
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.line(&request.to_string());
        self.wire.pending(&id)
    }

    /// Sends any line as it is; false when the bridge is gone.
    pub fn line(&self, line: &str) -> bool {
        self.wire.send(line)
    }

    /// Sends a part of a line; false when the bridge is gone.
    pub fn text(&self, part: &str) -> bool {
        self.wire.send_part(part)
    }

    /// What the answer to a line with this id will be asked of.
    pub fn pending(&self, id: &Value) -> Pending {
        self.wire.pending(id)
    }

    /// What came without an id.
    pub fn notifications(&self) -> Vec<Value> {
        self.wire.notifications()
    }

    /// What the bridge wrote to stderr.
    pub fn stderr(&self) -> String {
        self.wire.stderr()
    }

    /// The bridge's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The bridge's resident memory in KiB.
    pub fn rss_kib(&self) -> u64 {
        process::rss_kib(self.pid())
    }

    /// Closes the bridge's stdin, as a client that ends does.
    pub fn close(&self) {
        self.wire.close();
    }

    /// How the bridge ended; none when it has not within `limit`.
    pub fn ended(&mut self, limit: Duration) -> Option<ExitStatus> {
        let child = &mut self.child;
        attempt(limit, || child.try_wait().expect("the bridge's state"))
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The newer era's introduction in every request; what stands there stays.
pub(crate) fn with_meta(mut params: Value) -> Value {
    let mut meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": {"name": "story", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    for (name, value) in params["_meta"].as_object().into_iter().flatten() {
        meta[name] = value.clone();
    }
    params["_meta"] = meta;
    params
}
