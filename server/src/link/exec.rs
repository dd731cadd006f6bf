//! One command on one channel. Its driver always reads, so that a slow
//! consumer never stops the link.

use std::sync::Arc;

use russh::client::Msg;
use russh::{ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;

use super::command::{Ended, Exec, Kill, OutputSink};
use super::connection::Connection;
use super::driver::Driver;
use super::error::LinkError;
use super::marker;
use super::remote_script::{in_folder, is_variable_name, preamble};
use super::session_channel::{SessionChannel, answered};

/// Variables that are sent before their answers are read: fewer than russh's
/// queues hold, which would otherwise wait for each other.
const VARIABLES_AT_ONCE: usize = 16;

/// A request is one packet; OpenSSH ends a connection with one over 256 KiB.
const REQUEST_MAX_BYTES: usize = 255 << 10;

impl Connection {
    /// Runs `exec` to its end. An error means that it was not started; once
    /// it may have been, the answer is an [`Ended`]. What is told to end before
    /// it was sent is not sent.
    pub async fn exec(
        self: &Arc<Self>,
        exec: Exec,
        sink: &dyn OutputSink,
        control: &mut mpsc::Receiver<Kill>,
    ) -> Result<Ended, LinkError> {
        fits(&exec)?;
        let SessionChannel { mut reader, writer } = tokio::select! {
            biased;
            opened = self.open_session() => opened?,
            () = killed(control) => return Err(LinkError::Withdrawn),
        };
        let mark = marker::new();
        let loan = self.lend(exec.agent.clone());
        let begun = tokio::select! {
            biased;
            () = self.closed().cancelled() => Err(self.lost()),
            begun = begin(exec, &mark, loan.is_some(), &mut reader, &writer) => begun,
            () = killed(control) => Err(LinkError::Withdrawn),
        };
        let Begun { fed, env_refused } = begun?;
        sink.sent();
        self.keep_spare();
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

/// Refuses what OpenSSH would end the whole link for.
fn fits(exec: &Exec) -> Result<(), LinkError> {
    let variables = exec.env.iter();
    let variables = variables.map(|(name, value)| (format!("the variable {name}"), value.len()));
    let command = ("the command".to_owned(), exec.command.len());
    match variables
        .chain([command])
        .find(|(_, bytes)| *bytes > REQUEST_MAX_BYTES)
    {
        Some((what, bytes)) => Err(LinkError::TooLarge {
            what,
            bytes,
            max: REQUEST_MAX_BYTES,
        }),
        None => Ok(()),
    }
}

/// Waits until the command is told to end.
async fn killed(control: &mut mpsc::Receiver<Kill>) {
    if control.recv().await.is_none() {
        std::future::pending::<()>().await;
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
    lends_agent: bool,
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
) -> Result<Begun, LinkError> {
    let (named, odd): (Vec<_>, Vec<_>) = exec
        .env
        .into_iter()
        .partition(|(name, _)| is_variable_name(name));
    if lends_agent {
        // As ssh(1) does, no answer is wanted: a server that forwards none
        // still runs the command.
        writer
            .agent_forward(false)
            .await
            .map_err(|error| lost(&error))?;
    }
    writer
        .set_env(false, marker::NAME, mark)
        .await
        .map_err(|error| lost(&error))?;
    let mut refused = Vec::new();
    for batch in named.chunks(VARIABLES_AT_ONCE) {
        for (name, value) in batch {
            writer
                .set_env(true, name.as_str(), value.as_str())
                .await
                .map_err(|error| lost(&error))?;
        }
        for pair in batch {
            if !answered(reader).await? {
                refused.push((pair.0.as_str(), pair.1.as_str()));
            }
        }
    }
    let stdin = exec.stdin.unwrap_or_default();
    let one_line = match (refused.is_empty(), exec.cwd.as_deref()) {
        (true, None) => Some(exec.command.clone()),
        // Quoting makes it longer.
        (true, Some(cwd)) => {
            in_folder(cwd, &exec.command).filter(|line| line.len() <= REQUEST_MAX_BYTES)
        }
        (false, _) => None,
    };
    let (command, fed) = if let Some(command) = one_line {
        (command, stdin)
    } else {
        let made = preamble(refused, exec.cwd.as_deref(), &exec.command);
        (made.command, [made.fed, stdin].concat())
    };
    writer
        .exec(true, command)
        .await
        .map_err(|error| lost(&error))?;
    Ok(Begun {
        fed,
        env_refused: odd.into_iter().map(|(name, _)| name).collect(),
    })
}

fn lost(error: &russh::Error) -> LinkError {
    LinkError::Lost(schema::Fault::chain(error))
}
