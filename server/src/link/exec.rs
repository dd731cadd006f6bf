//! One command on one channel. Its driver always reads, so that a slow
//! consumer never stops the link.

use std::collections::BTreeMap;
use std::time::Duration;

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::connection::Connection;
use super::error::LinkError;
use super::remote_script::{is_variable_name, preamble};

/// From TERM to KILL, and from KILL to closing the channel.
const KILL_GRACE: Duration = Duration::from_secs(3);

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
        let (mut reader, writer) = channel.split();
        let begun = tokio::select! {
            biased;
            () = self.closed().cancelled() => Err(self.lost()),
            begun = begin(exec, &mut reader, &writer) => begun,
        };
        let Begun { fed, env_refused } = match begun {
            Ok(begun) => begun,
            Err(error) => {
                close(&writer).await;
                return Err(error);
            }
        };
        let driver = Driver {
            connection: self,
            sink,
            reader,
            writer,
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
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<Begun, LinkError> {
    let (named, odd): (Vec<_>, Vec<_>) = exec
        .env
        .into_iter()
        .partition(|(name, _)| is_variable_name(name));
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

/// A dropped channel would leave the remote process running: close explicitly.
async fn close(writer: &ChannelWriteHalf<Msg>) {
    if let Err(error) = writer.close().await {
        tracing::debug!(%error, "the channel was closed already");
    }
}

/// Drives a started command to its end.
struct Driver<'a> {
    connection: &'a Connection,
    sink: &'a dyn OutputSink,
    reader: ChannelReadHalf,
    writer: ChannelWriteHalf<Msg>,
    ended: Ended,
}

/// Whether the channel goes on.
enum Step {
    GoOn,
    Refused,
    Closed,
}

impl Driver<'_> {
    async fn run(
        mut self,
        fed: Vec<u8>,
        control: &mut mpsc::Receiver<Control>,
    ) -> Result<Ended, LinkError> {
        let closed = self.connection.closed().clone();
        let (reader, ended, sink) = (&mut self.reader, &mut self.ended, self.sink);
        let writer = &self.writer;
        let feeding = feed(writer, fed);
        tokio::pin!(feeding);
        let mut is_fed = false;
        let mut killing: Option<(Instant, u8)> = None;
        loop {
            let kill_at = killing.map(|(at, _)| at);
            tokio::select! {
                message = reader.wait() => match take(message, ended, sink) {
                    Step::GoOn => {}
                    Step::Refused => {
                        close(writer).await;
                        return Err(LinkError::ExecRefused);
                    }
                    Step::Closed => break,
                },
                () = closed.cancelled() => {
                    ended.lost = Some(self.connection.end_reason());
                    break;
                }
                () = &mut feeding, if !is_fed => is_fed = true,
                Some(told) = control.recv() => match told {
                    Control::Signal(name) => signal(writer, &name).await,
                    Control::Kill(kill) if killing.is_none() => {
                        signal(writer, &kill.signal).await;
                        killing = Some((Instant::now() + KILL_GRACE, 0));
                    }
                    Control::Kill(_) => {}
                },
                () = at(kill_at) => {
                    if killing.is_some_and(|(_, step)| step > 0) {
                        ended.lost = Some("it did not end when it was killed".into());
                        break;
                    }
                    signal(writer, "KILL").await;
                    killing = Some((Instant::now() + KILL_GRACE, 1));
                }
            }
        }
        close(writer).await;
        let known = self.ended.exit_code.is_some() || self.ended.signal.is_some();
        if known {
            self.ended.lost = None;
        } else if self.ended.lost.is_none() {
            self.ended.lost = Some("the server closed the channel without an exit code".into());
        }
        Ok(self.ended)
    }
}

/// Takes one message of the channel.
fn take(message: Option<ChannelMsg>, ended: &mut Ended, sink: &dyn OutputSink) -> Step {
    match message {
        Some(ChannelMsg::Data { data }) => sink.write(Stream::Stdout, &data),
        // RFC 4254 section 5.2: type 1 is stderr, and there is no other.
        Some(ChannelMsg::ExtendedData { data, ext: 1 }) => sink.write(Stream::Stderr, &data),
        Some(ChannelMsg::ExitStatus { exit_status }) => {
            ended.exit_code = Some(i64::from(exit_status));
        }
        Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
            ended.signal = Some(signal_text(&signal_name));
        }
        Some(ChannelMsg::Failure) => return Step::Refused,
        Some(ChannelMsg::Close) | None => return Step::Closed,
        Some(_) => {}
    }
    Step::GoOn
}

/// Writes all of `fed` as the window allows, then end of file.
async fn feed(writer: &ChannelWriteHalf<Msg>, fed: Vec<u8>) {
    let written = if fed.is_empty() {
        Ok(())
    } else {
        writer.data_bytes(fed).await
    };
    let ended = match written {
        Ok(()) => writer.eof().await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "the command closed its stdin first");
    }
}

async fn signal(writer: &ChannelWriteHalf<Msg>, name: &str) {
    if let Err(error) = writer.signal(signal_of(name)).await {
        tracing::debug!(%error, name, "the command ended before its signal");
    }
}

/// At that time; never when there is none.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

fn signal_of(name: &str) -> Sig {
    match name {
        "ABRT" => Sig::ABRT,
        "ALRM" => Sig::ALRM,
        "FPE" => Sig::FPE,
        "HUP" => Sig::HUP,
        "ILL" => Sig::ILL,
        "INT" => Sig::INT,
        "KILL" => Sig::KILL,
        "PIPE" => Sig::PIPE,
        "QUIT" => Sig::QUIT,
        "SEGV" => Sig::SEGV,
        "TERM" => Sig::TERM,
        "USR1" => Sig::USR1,
        other => Sig::Custom(other.to_owned()),
    }
}

fn signal_text(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.chars().filter(|c| !c.is_control()).take(32).collect(),
        known => format!("{known:?}"),
    }
}
