//! A client of the daemon's HTTP: raw HTTP/1.1 on a connection for each
//! request, so that a story sees each message as it comes and can walk away.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::with_meta;
use crate::{Daemon, Era, Reply};

/// A client of `/mcp` or `/rpc`.
#[derive(Debug)]
pub struct Http {
    daemon: Daemon,
    path: &'static str,
    era: Era,
    session: Option<String>,
}

/// A request that was sent, and what came for it so far.
#[derive(Debug)]
pub struct Exchange {
    stream: TcpStream,
    inbox: Arc<(Mutex<Inbox>, Condvar)>,
}

/// What has come so far.
#[derive(Debug, Default)]
struct Inbox {
    head: String,
    messages: Vec<Value>,
    rest: String,
    closed: bool,
}

impl Http {
    /// A client of `/mcp`, its handshake done where its era has one.
    pub fn mcp(daemon: Daemon, era: Era) -> Self {
        let mut client = Self {
            daemon,
            path: "/mcp",
            era,
            session: None,
        };
        if era == Era::Handshake {
            let info = json!({"name": "story", "version": "1"});
            let params =
                json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info});
            let hello = client.send(&json!(0), "initialize", params);
            hello.reply();
            client.session = hello.header("mcp-session-id");
        }
        client
    }

    /// A client of `/rpc`.
    pub fn rpc(daemon: Daemon) -> Self {
        Self {
            daemon,
            path: "/rpc",
            era: Era::Handshake,
            session: None,
        }
    }

    /// The same client, as one that lost its `Mcp-Session-Id` says it.
    pub fn without_session(mut self) -> Self {
        self.session = None;
        self
    }

    /// Calls a tool; `meta` is what stands in `_meta`.
    pub fn begin(&self, id: &Value, tool: &str, arguments: Value, meta: Value) -> Exchange {
        let params = json!({"name": tool, "arguments": arguments, "_meta": meta});
        self.send(id, "tools/call", params)
    }

    /// Sends any request.
    pub fn send(&self, id: &Value, method: &str, params: Value) -> Exchange {
        let name = params["name"].as_str().or(params["taskId"].as_str());
        let name = name.map(str::to_owned);
        let params = match self.era {
            Era::Handshake => params,
            Era::Stateless => with_meta(params),
        };
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        self.post(&request, method, name.as_deref())
    }

    /// Says that the request of that id is not wanted any more.
    pub fn cancel(&self, id: &Value) -> Exchange {
        let method = "notifications/cancelled";
        let params = json!({"requestId": id});
        let word = json!({"jsonrpc": "2.0", "method": method, "params": params});
        self.post(&word, method, None)
    }

    /// Posts any body.
    pub fn post(&self, body: &Value, method: &str, name: Option<&str>) -> Exchange {
        let handle = self.daemon.handle();
        let body = body.to_string();
        let mut head = vec![
            format!("POST {} HTTP/1.1", self.path),
            "Host: 127.0.0.1".to_owned(),
            "Connection: close".to_owned(),
            "Content-Type: application/json".to_owned(),
            format!("Content-Length: {}", body.len()),
            "Accept: application/json, text/event-stream".to_owned(),
            format!("Authorization: Bearer {}", handle.token.expose()),
        ];
        match self.era {
            Era::Handshake => head.push("MCP-Protocol-Version: 2025-06-18".to_owned()),
            Era::Stateless => {
                head.push("MCP-Protocol-Version: 2026-07-28".to_owned());
                head.push(format!("Mcp-Method: {method}"));
                head.extend(name.map(|name| format!("Mcp-Name: {name}")));
            }
        }
        let session = self.session.iter();
        head.extend(session.map(|id| format!("Mcp-Session-Id: {id}")));
        let request = format!("{}\r\n\r\n{body}", head.join("\r\n"));
        let mut stream = TcpStream::connect(&handle.addr).expect("the daemon listens");
        stream.write_all(request.as_bytes()).expect("it reads");
        Exchange::over(stream)
    }
}

impl Exchange {
    fn over(stream: TcpStream) -> Self {
        let inbox: Arc<(Mutex<Inbox>, Condvar)> = Arc::default();
        let (reading, filled) = (stream.try_clone().expect("a handle"), Arc::clone(&inbox));
        std::thread::spawn(move || {
            // A connection that breaks has ended as well.
            drop(read(reading, &filled));
            held(&filled.0).closed = true;
            filled.1.notify_all();
        });
        Self { stream, inbox }
    }

    /// Walks away.
    pub fn leave(&self) {
        // One that the daemon closed already is left, too.
        drop(self.stream.shutdown(Shutdown::Both));
    }

    /// The status line and the headers, once they are there.
    pub fn head(&self) -> String {
        self.wait(Duration::from_mins(1), |inbox| {
            (!inbox.head.is_empty()).then(|| inbox.head.clone())
        })
        .unwrap_or_default()
    }

    /// A header of the answer, named in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.head();
        let mut fields = head.lines().filter_map(|line| line.split_once(':'));
        let found = fields.find(|(field, _)| field.eq_ignore_ascii_case(name))?;
        Some(found.1.trim().to_owned())
    }

    /// What came that is no answer, so far.
    pub fn notifications(&self) -> Vec<Value> {
        let inbox = held(&self.inbox.0);
        let messages = inbox.messages.iter();
        messages.filter(|one| !is_answer(one)).cloned().collect()
    }

    /// The answer, waited for until `limit`; none when it did not come.
    pub fn within(&self, limit: Duration) -> Option<Reply> {
        self.wait(limit, |inbox| {
            let answer = inbox.messages.iter().find(|one| is_answer(one))?;
            Some(Reply::new(answer.clone()))
        })
    }

    /// The answer, which must come within a minute.
    #[track_caller]
    pub fn reply(&self) -> Reply {
        self.within(Duration::from_mins(1))
            .unwrap_or_else(|| panic!("no answer: {:?}", held(&self.inbox.0)))
    }

    /// Whether the daemon ended the exchange within `limit`.
    pub fn ended(&self, limit: Duration) -> bool {
        let ended = |inbox: &Inbox| inbox.closed.then_some(());
        self.wait(limit, ended).is_some()
    }

    fn wait<T>(&self, limit: Duration, found: impl Fn(&Inbox) -> Option<T>) -> Option<T> {
        let end = Instant::now() + limit;
        let mut inbox = held(&self.inbox.0);
        loop {
            if let Some(found) = found(&inbox) {
                return Some(found);
            }
            let left = end.saturating_duration_since(Instant::now());
            if inbox.closed || left.is_zero() {
                return None;
            }
            let waited = self.inbox.1.wait_timeout(inbox, left);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.leave();
    }
}

fn is_answer(message: &Value) -> bool {
    message.get("method").is_none()
}

/// Reads an answer to its end: a whole body, or events in chunks (RFC 9112,
/// section 7.1).
fn read(stream: TcpStream, inbox: &(Mutex<Inbox>, Condvar)) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut head = String::new();
    while stream.read_line(&mut head)? > 2 {}
    let is_chunked = head.to_ascii_lowercase().contains("chunked");
    held(&inbox.0).head = head;
    inbox.1.notify_all();
    if !is_chunked {
        let mut body = String::new();
        stream.read_to_string(&mut body)?;
        fill(inbox, &format!("{body}\n"));
        return Ok(());
    }
    loop {
        let mut size = String::new();
        stream.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        let mut chunk = vec![0; size + 2];
        stream.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(());
        }
        fill(inbox, &String::from_utf8_lossy(&chunk[..size]));
    }
}

/// Takes over more of the body; each whole line may be a message.
fn fill(inbox: &(Mutex<Inbox>, Condvar), text: &str) {
    let mut filled = held(&inbox.0);
    filled.rest.push_str(text);
    while let Some((line, rest)) = filled.rest.split_once('\n') {
        let line = line.trim();
        let message = serde_json::from_str(line.strip_prefix("data:").unwrap_or(line));
        let rest = rest.to_owned();
        filled
            .messages
            .extend(message.ok().filter(Value::is_object));
        filled.rest = rest;
    }
    inbox.1.notify_all();
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
