//! Starting and signalling a durable job over a link: one channel a script.

use std::collections::BTreeMap;
use std::time::Duration;

use russh::ChannelMsg;
use russh::client::Msg;
use russh::{ChannelReadHalf, ChannelWriteHalf};

use super::command::Kill;
use super::connection::Connection;
use super::driver::close;
use super::durable::start_script;
use super::durable::{Answer, AnswerParser, Errand, Mark, Start, Unsendable, signal_script};
use super::error::LinkError;
use super::marker;
use super::remote_script::Preamble;
use super::session_channel::SessionChannel;

/// How long a host may take to answer a script.
const ANSWER_WAIT: Duration = Duration::from_secs(30);

/// A command that is to outlive link and daemon.
#[derive(Debug, Clone)]
pub struct DurableStart {
    /// Names the job on its host.
    pub mark: Mark,
    /// Given byte for byte to the user's own shell.
    pub command: String,
    /// Exported before; each name is one that a shell can export.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in; the login folder when absent.
    pub cwd: Option<String>,
    /// What it reads; nothing when absent.
    pub stdin: Option<Vec<u8>>,
}

impl Connection {
    /// Starts it, unless it was started before: asking again after a link broke
    /// is safe. An error but for [`LinkError::Lost`] means that it did not run.
    pub async fn start_durable(&self, start: &DurableStart) -> Result<(), LinkError> {
        let made = start_script(&Start {
            mark: &start.mark,
            command: &start.command,
            env: &start.env,
            cwd: start.cwd.as_deref(),
            stdin: start.stdin.as_deref(),
        });
        let made = made.map_err(|error| unsendable(&error))?;
        match self.ask_host(made, Errand::Start, &start.mark).await? {
            Answer::Started { pid } => {
                tracing::debug!(mark = %start.mark, ?pid, "a durable job runs");
                Ok(())
            }
            Answer::Refused(why) => Err(LinkError::DurableRefused { why }),
            Answer::Signalled | Answer::Gone(_) => Err(not_understood("another script's answer")),
        }
    }

    /// Sends a signal to the job's processes. Says nothing when there are none:
    /// its end shows that.
    pub(super) async fn signal_durable(&self, mark: &Mark, kill: Kill) {
        let other = kill.through.as_deref();
        let connection = other.unwrap_or(self);
        match signal_script(mark, &kill.signal) {
            Ok(made) => {
                let answer = connection.ask_host(made, Errand::Signal, mark).await;
                tracing::debug!(%mark, ?answer, "signalled a durable job");
            }
            Err(error) => tracing::debug!(%error, "no such signal"),
        }
        // What left the job's own group.
        marker::signal_marked(connection, &mark.to_string(), &kill.signal).await;
    }

    async fn ask_host(
        &self,
        made: Preamble,
        errand: Errand,
        mark: &Mark,
    ) -> Result<Answer, LinkError> {
        let SessionChannel { channel, place } = self.open_session().await?;
        let (mut reader, writer) = channel.split();
        let answering = answer(&mut reader, &writer, made, AnswerParser::new(errand, mark));
        let answered = tokio::select! {
            biased;
            () = self.closed().cancelled() => Err(self.lost()),
            answered = tokio::time::timeout(ANSWER_WAIT, answering) => match answered {
                Ok(answered) => answered,
                Err(_late) => Err(not_understood("no answer in 30 s")),
            },
        };
        close(&writer).await;
        drop(place);
        answered
    }
}

async fn answer(
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
    made: Preamble,
    mut parser: AnswerParser,
) -> Result<Answer, LinkError> {
    let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
    writer.exec(true, made.command).await.map_err(lost)?;
    let feeding = async {
        writer.data_bytes(made.fed).await?;
        writer.eof().await
    };
    let reading = async {
        loop {
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    let fed = parser.feed(&data);
                    if let Some(answer) =
                        fed.map_err(|garbled| not_understood(&garbled.to_string()))?
                    {
                        return Ok(answer);
                    }
                }
                Some(ChannelMsg::Failure) => return Err(LinkError::ExecRefused),
                Some(ChannelMsg::Close) | None => return Err(not_understood("nothing")),
                Some(_) => {}
            }
        }
    };
    let mut reading = std::pin::pin!(reading);
    tokio::select! {
        biased;
        answered = &mut reading => return answered,
        fed = feeding => if let Err(error) = fed {
            tracing::debug!(%error, "the host's shell closed its stdin first");
        },
    }
    reading.await
}

/// What came instead of an answer.
pub(super) fn not_understood(came: &str) -> LinkError {
    LinkError::NoPosixShell {
        came: came.to_owned(),
    }
}

fn unsendable(error: &Unsendable) -> LinkError {
    LinkError::DurableRefused {
        why: error.to_string(),
    }
}
