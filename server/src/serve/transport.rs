//! rmcp's transport over our own framer: every request gets an answer, a
//! cancelled request and a vanished client are told apart, and nothing in it
//! grows without a bound.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rmcp::RoleServer;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, GetExtensions, RequestId,
    ServerJsonRpcMessage,
};
use rmcp::transport::Transport;
use schema::limits::IN_FLIGHT_MAX;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::framer::{self, BUSY, Frame, INVALID_PARAMS, INVALID_REQUEST};
use super::lines::LineReader;

/// Lines that wait to be written; the next sender waits, and with it reading.
pub const OUTGOING_MAX: usize = 64;

/// What can happen to a request while its tool runs.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    /// The client cancelled it.
    pub cancelled: CancellationToken,
    /// The client's connection went away.
    pub vanished: CancellationToken,
}

/// Requests without an answer, each with what cancels it.
type Open = Arc<Mutex<HashMap<RequestId, CancellationToken>>>;

/// The transport. Its writing half is a queue that [`write_lines`] empties.
#[derive(Debug)]
pub struct LineTransport<R> {
    lines: LineReader<R>,
    out: Option<mpsc::Sender<Vec<u8>>>,
    /// Messages of a batch that were not handed on yet.
    waiting: VecDeque<Value>,
    /// An answer of our own that is not queued yet.
    answer: Option<Value>,
    open: Open,
    vanished: CancellationToken,
}

impl<R: AsyncRead + Unpin> LineTransport<R> {
    /// A transport that reads `lines` and queues answers on `out`; `vanished`
    /// is cancelled when the reading side ends.
    pub fn new(
        lines: LineReader<R>,
        out: mpsc::Sender<Vec<u8>>,
        vanished: CancellationToken,
    ) -> Self {
        Self {
            lines,
            out: Some(out),
            waiting: VecDeque::new(),
            answer: None,
            open: Open::default(),
            vanished,
        }
    }

    /// What to hand to rmcp; `None` when there was nothing or it is answered.
    fn admit(&mut self, message: Value) -> Option<ClientJsonRpcMessage> {
        let id = message.get("id").cloned();
        let method = message.get("method").and_then(Value::as_str);
        let method = method.unwrap_or_default().to_owned();
        match serde_json::from_value(lenient(message)) {
            Ok(ClientJsonRpcMessage::Request(mut request)) => {
                if let Some(words) = misfit(&request.request) {
                    self.refuse(id, INVALID_PARAMS, &words);
                    return None;
                }
                match self.begin(&request.id) {
                    Ok(signals) => {
                        request.request.extensions_mut().insert(signals);
                        Some(ClientJsonRpcMessage::Request(request))
                    }
                    Err((code, words)) => {
                        self.refuse(id, code, words);
                        None
                    }
                }
            }
            Ok(ClientJsonRpcMessage::Notification(notification)) => {
                let ClientNotification::CancelledNotification(cancelled) =
                    &notification.notification
                else {
                    return Some(ClientJsonRpcMessage::Notification(notification));
                };
                self.cancel(cancelled.params.request_id.as_ref());
                None
            }
            // We ask clients for nothing, so an answer has no question.
            Ok(_answer) => None,
            Err(_misshapen) if id.is_none() && !method.is_empty() => None,
            Err(_misshapen) => {
                let words = "this is no JSON-RPC 2.0 request";
                self.refuse(id, INVALID_REQUEST, words);
                None
            }
        }
    }

    /// Notes a request, unless its id is taken or too many wait.
    fn begin(&self, id: &RequestId) -> Result<Signals, (i64, &'static str)> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.contains_key(id) {
            return Err((INVALID_REQUEST, "a request with this id is still open"));
        }
        if open.len() >= IN_FLIGHT_MAX {
            return Err((BUSY, "busy: too many requests wait for an answer"));
        }
        let signals = Signals {
            cancelled: CancellationToken::new(),
            vanished: self.vanished.clone(),
        };
        open.insert(id.clone(), signals.cancelled.clone());
        Ok(signals)
    }

    /// Its id stays taken until its call has ended, so that the answer which
    /// nobody wants cannot be another's. rmcp, which would free it, is not told.
    fn cancel(&self, id: Option<&RequestId>) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = id.and_then(|id| open.get(id)) {
            token.cancel();
        }
    }

    fn refuse(&mut self, id: Option<Value>, code: i64, words: &str) {
        let id = id.filter(|id| id.is_number() || id.is_string());
        let mut answer = framer::error(id.unwrap_or_default(), code, words);
        if code == BUSY
            && let Some(error) = answer.get_mut("error")
        {
            error["data"] = serde_json::json!({"code": "busy"});
        }
        self.answer = Some(answer);
    }

    /// Queues our own answer. Dropped in the middle, it is queued later.
    async fn flush_answer(&mut self) -> Option<()> {
        let out = self.out.as_ref()?;
        if self.answer.is_some() {
            let permit = out.reserve().await.ok()?;
            if let Some(answer) = self.answer.take() {
                permit.send(to_line(&answer).ok()?);
            }
        }
        Some(())
    }

    async fn next_message(&mut self) -> Option<ClientJsonRpcMessage> {
        loop {
            self.flush_answer().await?;
            if let Some(message) = self.waiting.pop_front() {
                if let Some(message) = self.admit(message) {
                    return Some(message);
                }
                continue;
            }
            let line = match self.lines.next().await {
                Ok(line) => line,
                Err(error) => {
                    tracing::debug!(%error, "a client's connection broke");
                    return None;
                }
            };
            match framer::frame(line) {
                Frame::Messages(messages) => self.waiting.extend(messages),
                Frame::Answer(answer) => self.answer = Some(answer),
                Frame::End => return None,
            }
        }
    }
}

impl<R: AsyncRead + Unpin + Send + 'static> Transport<RoleServer> for LineTransport<R> {
    type Error = io::Error;

    fn name() -> Cow<'static, str> {
        "lines".into()
    }

    fn send(
        &mut self,
        item: ServerJsonRpcMessage,
    ) -> impl Future<Output = io::Result<()>> + Send + 'static {
        let id = match &item {
            ServerJsonRpcMessage::Response(response) => Some(&response.id),
            ServerJsonRpcMessage::Error(error) => error.id.as_ref(),
            _ => None,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let is_unwanted = id
            .and_then(|id| open.remove(id))
            .is_some_and(|cancelled| cancelled.is_cancelled());
        drop(open);
        let out = self.out.clone();
        async move {
            if is_unwanted {
                return Ok(());
            }
            let out = out.ok_or(io::ErrorKind::NotConnected)?;
            let line = to_line(&item)?;
            out.send(line)
                .await
                .map_err(|_closed| io::ErrorKind::BrokenPipe.into())
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.next_message().await;
        if message.is_none() {
            self.vanished.cancel();
        }
        message
    }

    async fn close(&mut self) -> io::Result<()> {
        self.vanished.cancel();
        self.out = None;
        Ok(())
    }
}

/// Writes what is queued until every sender is gone. Flushes when the queue is
/// empty, so that a burst is few writes.
pub async fn write_lines<W: AsyncWrite + Unpin>(
    mut queue: mpsc::Receiver<Vec<u8>>,
    write: W,
) -> io::Result<()> {
    let mut write = tokio::io::BufWriter::new(write);
    while let Some(line) = queue.recv().await {
        write.write_all(&line).await?;
        if queue.is_empty() {
            write.flush().await?;
        }
    }
    write.shutdown().await
}

fn to_line<T: serde::Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

/// What some clients write in another way and loses nothing: the arguments of
/// a tool as a JSON string, or null for none.
fn lenient(mut message: Value) -> Value {
    if message.get("method").and_then(Value::as_str) != Some("tools/call") {
        return message;
    }
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
        let object = match params.get("arguments") {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            Some(Value::Null) => Some(Value::Object(serde_json::Map::new())),
            _ => None,
        };
        if let Some(object) = object.filter(Value::is_object) {
            params.insert("arguments".into(), object);
        }
    }
    message
}

/// rmcp reads a request of a known method whose parameters do not fit as a
/// custom one; this says what it is.
fn misfit(request: &ClientRequest) -> Option<String> {
    let ClientRequest::CustomRequest(custom) = request else {
        return None;
    };
    let known = [
        "initialize",
        "server/discover",
        "tasks/cancel",
        "tasks/get",
        "tasks/update",
        "tools/call",
        "tools/list",
        "ping",
    ];
    known
        .contains(&custom.method.as_str())
        .then(|| format!("the parameters do not fit {}", custom.method))
}

#[cfg(test)]
#[path = "transport_tests.rs"]
mod tests;
