//! Starting and signalling a durable job over a link: one channel a script.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::ChannelMsg;
use russh::client::Msg;
use russh::{ChannelReadHalf, ChannelWriteHalf};

use super::command::Kill;
use super::connection::Connection;
use super::durable::start_script;
use super::durable::{Answer, AnswerParser, Errand, Mark, Start, signal_script};
use super::error::LinkError;
use super::marker;
use super::remote_script::Preamble;
use super::session_channel::SessionChannel;

/// How long a host may take to answer a script that it has whole: it may have
/// old jobs to remove first.
const ANSWER_WAIT: Duration = Duration::from_mins(1);

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

/// What asking a host to start a job came to.
#[derive(Debug)]
pub enum Begun {
    /// It was started, now or before.
    Started,
    /// It certainly was not by this asking.
    NotStarted(LinkError),
    /// Nobody knows: asking again is safe, and tells.
    Unknown(LinkError),
}

/// Why a host did not answer.
pub(super) enum NoAnswer {
    /// The script did not run.
    NotAsked(LinkError),
    /// It may have run.
    Unheard(LinkError),
}

impl Connection {
    /// Starts it, unless it was started before.
    pub async fn start_durable(self: &Arc<Self>, start: &DurableStart) -> Begun {
        let made = start_script(&Start {
            mark: &start.mark,
            command: &start.command,
            env: &start.env,
            cwd: start.cwd.as_deref(),
            stdin: start.stdin.as_deref(),
        });
        let refused = |why| Begun::NotStarted(LinkError::DurableRefused { why });
        let made = match made {
            Ok(made) => made,
            Err(error) => return refused(error.to_string()),
        };
        match self.ask_host(made, Errand::Start, &start.mark).await {
            Ok(Answer::Started { pid }) => {
                tracing::debug!(mark = %start.mark, ?pid, "a durable job runs");
                Begun::Started
            }
            Ok(Answer::Refused(why)) => refused(why),
            Ok(Answer::Signalled | Answer::Gone(_) | Answer::Held(_)) => {
                Begun::Unknown(not_understood("another script's answer"))
            }
            Err(NoAnswer::NotAsked(error)) => Begun::NotStarted(error),
            Err(NoAnswer::Unheard(error)) => Begun::Unknown(error),
        }
    }

    /// Sends a signal to the job's processes. Says nothing when there are none:
    /// its end shows that.
    pub(super) async fn signal_durable(self: Arc<Self>, mark: Mark, kill: Kill) {
        let connection = kill.through.unwrap_or(self);
        match signal_script(&mark, &kill.signal) {
            Ok(made) => {
                let answer = connection.ask_host(made, Errand::Signal, &mark).await;
                tracing::debug!(%mark, is_answered = answer.is_ok(), "signalled a durable job");
            }
            Err(error) => tracing::debug!(%error, "no such signal"),
        }
        // What left the job's own group.
        marker::signal_marked(&connection, &mark.to_string(), &kill.signal).await;
    }

    pub(super) async fn ask_host(
        self: &Arc<Self>,
        made: Preamble,
        errand: Errand,
        mark: &Mark,
    ) -> Result<Answer, NoAnswer> {
        let opened = self.open_session().await;
        let SessionChannel { mut reader, writer } = opened.map_err(NoAnswer::NotAsked)?;
        let answering = answer(&mut reader, &writer, made, AnswerParser::new(errand, mark));
        let answered = self.unless_closed(answering).await;
        let answered = answered.map_err(NoAnswer::Unheard)?;
        if answered.is_ok() {
            writer.finish(reader);
        }
        answered
    }
}

async fn answer(
    reader: &mut ChannelReadHalf,
    writer: &ChannelWriteHalf<Msg>,
    made: Preamble,
    mut parser: AnswerParser,
) -> Result<Answer, NoAnswer> {
    let lost =
        |error: russh::Error| NoAnswer::Unheard(LinkError::Lost(schema::Fault::chain(&error)));
    writer.exec(true, made.command).await.map_err(lost)?;
    let feeding = async {
        writer.data_bytes(made.fed).await?;
        writer.eof().await
    };
    let reading = async {
        let mut has_status = false;
        loop {
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => match parser.feed(&data) {
                    Ok(Some(answer)) => return Ok(answer),
                    Ok(None) => {}
                    Err(garbled) => {
                        return Err(NoAnswer::Unheard(not_understood(&garbled.to_string())));
                    }
                },
                Some(ChannelMsg::Failure) => {
                    return Err(NoAnswer::NotAsked(LinkError::ExecRefused));
                }
                Some(ChannelMsg::ExitStatus { .. }) => has_status = true,
                // The script greets before it does anything.
                Some(ChannelMsg::Close) if has_status && !parser.is_greeted() => {
                    return Err(NoAnswer::NotAsked(not_understood("nothing")));
                }
                Some(ChannelMsg::Close) | None => {
                    let words = "the host ended before it had answered";
                    return Err(NoAnswer::Unheard(LinkError::Lost(words.into())));
                }
                Some(_) => {}
            }
        }
    };
    let mut reading = std::pin::pin!(reading);
    // A large input may take long on a slow line; the link's keepalive watches.
    tokio::select! {
        biased;
        answered = &mut reading => return answered,
        fed = feeding => if let Err(error) = fed {
            tracing::debug!(%error, "the host's shell closed its stdin first");
        },
    }
    match tokio::time::timeout(ANSWER_WAIT, reading).await {
        Ok(answered) => answered,
        Err(_late) => {
            let words = format!("the host did not answer in {} s", ANSWER_WAIT.as_secs());
            Err(NoAnswer::Unheard(LinkError::Lost(words)))
        }
    }
}

/// What came instead of an answer.
pub(super) fn not_understood(came: &str) -> LinkError {
    LinkError::NoPosixShell {
        came: came.to_owned(),
    }
}
