//! A held shell over a link: opened, watched from an offset on, ended.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use russh::ChannelMsg;
use tokio::sync::Notify;

use super::command::{OutputSink, Stream};
use super::connection::Connection;
use super::durable::{Answer, Errand, Frame, FrameParser, Mark};
use super::durable_start::{NoAnswer, not_understood};
use super::error::LinkError;
use super::held::{
    Ending, HeldScript, Left, LeftKind, attach_command, end_script, held_script, list_script,
    remove_job_script, rows, watch_script,
};
use super::marker;
use super::session_channel::SessionChannel;

/// How often the host is asked what is new when nothing says that there is
/// something.
const LOOK: Duration = Duration::from_secs(1);

/// A shell that is to outlive link and daemon.
#[derive(Debug, Clone)]
pub struct HeldOpen {
    /// Names the shell on its host.
    pub mark: Mark,
    /// For a person who finds it there.
    pub label: String,
    /// The terminal's type.
    pub term: String,
    /// Its height.
    pub rows: u16,
    /// Its width.
    pub cols: u16,
    /// Exported before; each name is one that a shell can export.
    pub env: BTreeMap<String, String>,
    /// The user's login shell when absent.
    pub command: Option<String>,
}

/// What asking a host to open a shell came to.
#[derive(Debug)]
pub enum HeldBegun {
    /// It lives, since now or before, under this holder.
    Held(String),
    /// It certainly was not opened.
    NotOpened(LinkError),
    /// Nobody knows: asking again is safe, and tells.
    Unknown(LinkError),
}

/// How a held shell ended.
#[derive(Debug, PartialEq, Eq)]
pub enum HeldEnd {
    /// With this status.
    Exited(u32),
    /// How cannot be known any more, and why.
    Gone(String),
}

/// Takes what a held shell printed.
pub trait HeldSink: OutputSink {
    /// So many bytes fell out before anybody took them.
    fn lost(&self, bytes: u64);
}

impl Connection {
    /// Opens it, unless it was opened before.
    pub async fn open_held(self: &Arc<Self>, open: &HeldOpen) -> HeldBegun {
        let made = held_script(&HeldScript {
            mark: &open.mark,
            label: &open.label,
            term: &open.term,
            rows: open.rows,
            cols: open.cols,
            env: &open.env,
            command: open.command.as_deref(),
        });
        let refused = |why| HeldBegun::NotOpened(LinkError::HeldRefused { why });
        let made = match made {
            Ok(made) => made,
            Err(error) => return refused(error.to_string()),
        };
        match self.ask_host(made, Errand::Start, &open.mark).await {
            Ok(Answer::Held(holder)) => HeldBegun::Held(holder),
            Ok(Answer::Refused(why)) => refused(why),
            Ok(_another) => HeldBegun::Unknown(not_understood("another script's answer")),
            Err(NoAnswer::NotAsked(error)) => HeldBegun::NotOpened(error),
            Err(NoAnswer::Unheard(error)) => HeldBegun::Unknown(error),
        }
    }

    /// Passes on what it printed from the offset `from` on, until it ended. `news`
    /// says that there may be more.
    pub async fn watch_held(
        self: &Arc<Self>,
        mark: &Mark,
        from: u64,
        sink: &dyn HeldSink,
        news: &Notify,
    ) -> Result<HeldEnd, LinkError> {
        let SessionChannel { mut reader, writer } = self.open_session().await?;
        let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
        let made = watch_script(mark, from);
        writer.exec(true, made.command).await.map_err(lost)?;
        writer.data_bytes(made.fed).await.map_err(lost)?;
        let mut parser = FrameParser::new(mark);
        let mut ending = Ending::new(mark);
        let mut is_asked = true;
        loop {
            tokio::select! {
                biased;
                () = self.closed().cancelled() => return Err(self.lost()),
                message = reader.wait() => match message {
                    Some(ChannelMsg::Data { data }) => {
                        let mut bytes = &data[..];
                        while let Some(frame) = parser
                            .next(&mut bytes)
                            .map_err(|garbled| not_understood(&garbled.to_string()))?
                        {
                            match frame {
                                Frame::Stdout(bytes) => {
                                    sink.write(Stream::Stdout, &ending.pass(bytes));
                                }
                                Frame::Lost(bytes) => sink.lost(bytes),
                                Frame::KeepAlive => is_asked = false,
                                Frame::Exit(status) => {
                                    // Its folder goes; it is a shell's whole remains.
                                    writer.data_bytes(b"done\n".to_vec()).await.map_err(lost)?;
                                    return Ok(HeldEnd::Exited(status));
                                }
                                Frame::Gone(why) => return Ok(HeldEnd::Gone(why)),
                                Frame::Stderr(_) | Frame::Removed => {}
                            }
                        }
                    }
                    Some(ChannelMsg::Failure) => return Err(LinkError::ExecRefused),
                    Some(ChannelMsg::Close) | None => {
                        let words = "what watches the shell on the host ended";
                        return Err(LinkError::Lost(words.into()));
                    }
                    Some(_) => {}
                },
                _ = tokio::time::timeout(LOOK, news.notified()), if !is_asked => {
                    is_asked = true;
                    writer.data_bytes(b"\n".to_vec()).await.map_err(lost)?;
                }
            }
        }
    }

    /// Ends it with its holder and all that it started.
    pub async fn end_held(self: &Arc<Self>, mark: &Mark) -> Result<(), LinkError> {
        let answered = self.ask_host(end_script(mark), Errand::Signal, mark).await;
        match answered {
            Ok(Answer::Signalled | Answer::Gone(_)) => {}
            Ok(Answer::Refused(node)) => return Err(LinkError::Elsewhere { node }),
            Ok(_another) => return Err(not_understood("another script's answer")),
            Err(NoAnswer::NotAsked(error) | NoAnswer::Unheard(error)) => return Err(error),
        }
        marker::signal_marked(self, &mark.to_string(), "KILL").await;
        Ok(())
    }
}

/// How long a host may take to list what is there.
const LIST_WAIT: Duration = Duration::from_secs(30);

/// A list's length, in bytes: thousands of rows.
const LIST_MAX_BYTES: usize = 1 << 20;

impl Connection {
    /// What of ours is on the host: durable shells and jobs, of any daemon.
    pub async fn list_left(self: &Arc<Self>) -> Result<Vec<Left>, LinkError> {
        let mark = Mark::fresh();
        let SessionChannel { mut reader, writer } = self.open_session().await?;
        let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
        let made = list_script(&mark);
        let asking = async {
            writer.exec(true, made.command).await.map_err(lost)?;
            writer.data_bytes(made.fed).await.map_err(lost)?;
            writer.eof().await.map_err(lost)?;
            let mut said = Vec::new();
            while let Some(message) = reader.wait().await {
                match message {
                    ChannelMsg::Data { data } => said.extend_from_slice(&data),
                    ChannelMsg::Failure => return Err(LinkError::ExecRefused),
                    ChannelMsg::Close => break,
                    _ => {}
                }
                if said.len() > LIST_MAX_BYTES {
                    break;
                }
            }
            let said = String::from_utf8_lossy(&said);
            rows(&said, &mark).ok_or_else(|| {
                not_understood(
                    &said
                        .chars()
                        .filter(|c| !c.is_control())
                        .take(80)
                        .collect::<String>(),
                )
            })
        };
        match tokio::time::timeout(LIST_WAIT, asking).await {
            Ok(listed) => listed,
            Err(_late) => Err(LinkError::Lost(
                "the host was slow to list what is there".into(),
            )),
        }
    }

    /// Ends what was listed, with all that it started, and removes its folder.
    pub async fn end_left(self: &Arc<Self>, left: &Left) -> Result<(), LinkError> {
        if left.kind == LeftKind::Shell {
            return self.end_held(&left.mark).await;
        }
        if left.state == Left::ELSEWHERE {
            let node = "another host".into();
            return Err(LinkError::Elsewhere { node });
        }
        marker::signal_marked(self, &left.mark.to_string(), "KILL").await;
        let made = remove_job_script(&left.mark);
        match self.ask_host(made, Errand::Signal, &left.mark).await {
            Ok(_answered) => Ok(()),
            Err(NoAnswer::NotAsked(error) | NoAnswer::Unheard(error)) => Err(error),
        }
    }
}

/// The command that attaches a terminal to the shell `mark`.
pub fn attach(mark: &Mark) -> String {
    attach_command(mark)
}
