//! One terminal on one channel (RFC 4254 section 6.2). Its driver always reads,
//! so that a terminal that nobody looks at never stops the link.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use futures::FutureExt;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty as Mode};
use tokio::sync::mpsc;

use super::command::{Ended, OutputSink, Stream};
use super::connection::Connection;
use super::driver::{Step, settle, take};
use super::error::LinkError;
use super::pty_env::{ExportingShell, is_ready};
use super::remote_script::is_variable_name;
use super::session_channel::{SessionChannel, answered};
use super::typing::{TerminalOrder, obey};

/// What a terminal is told of itself: it holds UTF-8 (so that the kernel erases
/// whole characters), and its line has no speed worth a delay.
const MODES: [(Mode, u32); 3] = [
    (Mode::IUTF8, 1),
    (Mode::TTY_OP_ISPEED, 38_400),
    (Mode::TTY_OP_OSPEED, 38_400),
];

/// A terminal to open.
#[derive(Debug, Clone)]
pub struct Pty {
    /// Its type, for `TERM`.
    pub term: String,
    /// Its height.
    pub rows: u16,
    /// Its width.
    pub cols: u16,
    /// What runs in it; the user's login shell when absent.
    pub command: Option<String>,
    /// Set by SSH's own request, else in a small sh before the shell.
    pub env: BTreeMap<String, String>,
    /// Nothing is typed before it has shown something: a program that attaches
    /// throws away what came before it had the terminal.
    pub is_awaited: bool,
    /// The caller's agent: lent to the host while the terminal is open, where
    /// the session forwards agents.
    pub agent: Option<PathBuf>,
}

impl Connection {
    /// Runs a terminal to its end. An error means that it was never opened. It
    /// ends with what runs in it, with the link, or when `orders` does.
    pub async fn run_pty(
        self: &Arc<Self>,
        pty: Pty,
        sink: &dyn OutputSink,
        orders: &mut mpsc::Receiver<TerminalOrder>,
    ) -> Result<Ended, LinkError> {
        let SessionChannel { mut reader, writer } = self.open_session().await?;
        let loan = self.lend(pty.agent.clone());
        let beginning = begin(&pty, loan.is_some(), &mut reader, &writer, sink);
        self.unless_closed(beginning).await??;
        sink.sent();
        self.keep_spare();
        let mut ended = Ended::default();
        let closed = self.closed().clone();
        let mut obeying = std::pin::pin!(obey(&writer, orders));
        let mut has_shown = !pty.is_awaited;
        loop {
            tokio::select! {
                message = reader.wait() => {
                    has_shown |= matches!(message, Some(ChannelMsg::Data { .. }));
                    match take(message, &mut ended, sink) {
                        Step::GoOn => {}
                        Step::Refused => return Err(LinkError::ExecRefused),
                        Step::Closed => break,
                    }
                }
                () = closed.cancelled() => {
                    // What came before the end may wait to be taken.
                    while let Some(message @ Some(_)) = reader.wait().now_or_never() {
                        take(message, &mut ended, sink);
                    }
                    ended.lost = Some(self.end_reason());
                    break;
                }
                () = &mut obeying, if has_shown => break,
            }
        }
        Ok(settle(ended))
    }
}

/// Opens the terminal and starts what runs in it. Without variables all requests
/// go out at once, and the answers are read afterwards.
async fn begin(
    pty: &Pty,
    lends_agent: bool,
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
    sink: &dyn OutputSink,
) -> Result<(), LinkError> {
    let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
    if lends_agent {
        writer.agent_forward(false).await.map_err(lost)?;
    }
    let (cols, rows) = (u32::from(pty.cols), u32::from(pty.rows));
    writer
        .request_pty(true, &pty.term, cols, rows, 0, 0, &MODES)
        .await
        .map_err(lost)?;
    for (name, value) in &pty.env {
        let set = writer.set_env(true, name.as_str(), value.as_str());
        set.await.map_err(lost)?;
    }
    if pty.env.is_empty() {
        start(pty.command.as_deref(), writer).await?;
        return if answered(reader).await? {
            Ok(())
        } else {
            Err(LinkError::PtyRefused)
        };
    }
    if !answered(reader).await? {
        return Err(LinkError::PtyRefused);
    }
    let mut refused = Vec::new();
    for pair in &pty.env {
        if !answered(reader).await? {
            refused.push((pair.0.as_str(), pair.1.as_str()));
        }
    }
    refused.retain(|(name, _)| is_variable_name(name));
    if refused.is_empty() {
        return start(pty.command.as_deref(), writer).await;
    }
    let exporting = ExportingShell::new(refused, pty.command.as_deref());
    writer.exec(true, exporting.command).await.map_err(lost)?;
    let seen = ready(reader).await?;
    sink.write(Stream::Stdout, &seen);
    writer.data_bytes(exporting.fed).await.map_err(lost)
}

async fn start(command: Option<&str>, writer: &ChannelWriteHalf<Msg>) -> Result<(), LinkError> {
    let asked = match command {
        Some(command) => writer.exec(true, command).await,
        None => writer.request_shell(true).await,
    };
    asked.map_err(|error| LinkError::Lost(schema::Fault::chain(&error)))
}

/// Waits until the small sh listens; what was printed before it.
async fn ready(reader: &mut ChannelReadHalf) -> Result<Vec<u8>, LinkError> {
    let mut seen = Vec::new();
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => {
                seen.extend_from_slice(&data);
                if is_ready(&mut seen) {
                    return Ok(seen);
                }
            }
            Some(ChannelMsg::Failure) => return Err(LinkError::ExecRefused),
            Some(ChannelMsg::Close) | None => {
                let words = "the host's sh ended before it had set the environment";
                return Err(LinkError::Lost(words.into()));
            }
            Some(_) => {}
        }
    }
}
