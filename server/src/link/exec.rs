//! One command on one channel. Its driver always reads, so that a slow
//! consumer never stops the link.

use std::collections::BTreeMap;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;

use super::connection::Connection;
use super::driver::{Driver, close};
use super::error::LinkError;
use super::marker;
use super::remote_script::{is_variable_name, preamble};

/// A command to run.
#[derive(Debug, Clone, Default)]
pub struct Exec {
    /// Sent byte for byte when there is neither `env` to feed nor `cwd`.
    pub command: String,
    /// Set by SSH's own request, else fed on stdin.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in; the login folder when absent.
    pub cwd: Option<String>,
    /// Fed, then end of file; at once when absent.
    pub stdin: Option<Vec<u8>>,
}

/// Where output came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Takes output as it comes; never waits.
pub trait OutputSink: Sync {
    /// The command was sent: from here on it may have run.
    fn sent(&self);

    /// `bytes` are the next of `stream`.
    fn write(&self, stream: Stream, bytes: &[u8]);
}

/// What can be told to a running command.
#[derive(Debug, Clone)]
pub enum Control {
    /// Send this signal, by its name without `SIG`.
    Signal(String),
    /// End it.
    Kill(Kill),
}

/// How a command is ended: a signal first, KILL after a grace period, and then
/// the channel is closed.
#[derive(Debug, Clone)]
pub struct Kill {
    /// The first signal, without `SIG`.
    pub signal: String,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Present when it exited.
    pub exit_code: Option<i64>,
    /// Present when a signal ended it, without `SIG`.
    pub signal: Option<String>,
    /// Present when the link was lost, or the server never said: whether it
    /// ran to its end is unknown.
    pub lost: Option<String>,
    /// Names of variables that could not be set.
    pub env_refused: Vec<String>,
    /// It was told to end and did not: it may still run on the host.
    pub survived: bool,
}

impl Connection {
    /// Runs `exec` to its end. An error means that it was not started; once
    /// it may have been, the answer is an [`Ended`].
    pub async fn exec(
        &self,
        exec: Exec,
        sink: &dyn OutputSink,
        control: &mut mpsc::Receiver<Control>,
    ) -> Result<Ended, LinkError> {
        let channel = self.open_session().await?;
        let mark = marker::new();
        let (mut reader, writer) = channel.split();
        let begun = tokio::select! {
            biased;
            () = self.closed().cancelled() => Err(self.lost()),
            begun = begin(exec, &mark, &mut reader, &writer) => begun,
        };
        let Begun { fed, env_refused } = match begun {
            Ok(begun) => begun,
            Err(error) => {
                close(&writer).await;
                return Err(error);
            }
        };
        sink.sent();
        let driver = Driver {
            connection: self,
            sink,
            reader,
            writer,
            mark,
            ended: Ended::default(),
        };
        let mut ended = driver.run(fed, control).await?;
        ended.env_refused = env_refused;
        Ok(ended)
    }
}

/// What a started command still needs.
struct Begun {
    /// To be written to its stdin, then end of file.
    fed: Vec<u8>,
    env_refused: Vec<String>,
}

/// Sets the environment and asks for the command. The server's answer to the
/// latter is left to the driver, which saves a round trip.
async fn begin(
    exec: Exec,
    mark: &str,
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<Begun, LinkError> {
    let (named, odd): (Vec<_>, Vec<_>) = exec
        .env
        .into_iter()
        .partition(|(name, _)| is_variable_name(name));
    writer
        .set_env(false, marker::NAME, mark)
        .await
        .map_err(lost)?;
    for (name, value) in &named {
        writer
            .set_env(true, name.as_str(), value.as_str())
            .await
            .map_err(lost)?;
    }
    let mut refused = Vec::new();
    for pair in &named {
        if !answered(reader).await? {
            refused.push((pair.0.as_str(), pair.1.as_str()));
        }
    }
    let stdin = exec.stdin.unwrap_or_default();
    let (command, fed) = if refused.is_empty() && exec.cwd.is_none() {
        (exec.command, stdin)
    } else {
        let made = preamble(refused, exec.cwd.as_deref(), &exec.command);
        (made.command, [made.fed, stdin].concat())
    };
    writer.exec(true, command).await.map_err(lost)?;
    Ok(Begun {
        fed,
        env_refused: odd.into_iter().map(|(name, _)| name).collect(),
    })
}

/// The server's yes or no to the oldest open request.
async fn answered(reader: &mut ChannelReadHalf) -> Result<bool, LinkError> {
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Success) => return Ok(true),
            Some(ChannelMsg::Failure) => return Ok(false),
            Some(_) => {}
            None => return Err(LinkError::Lost("the channel closed".into())),
        }
    }
}

fn lost(error: russh::Error) -> LinkError {
    LinkError::Lost(schema::Fault::chain(&error))
}
