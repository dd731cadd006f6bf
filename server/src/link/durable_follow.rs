//! Following a durable job over a link: its output from an offset on, and its
//! end.

use std::sync::Arc;
use std::time::Duration;

use russh::{ChannelMsg, ChannelReadHalf};
use tokio::sync::mpsc;

use super::closing_writer::ClosingWriter;
use super::command::{Kill, OutputSink, Stream};
use super::connection::Connection;
use super::durable::{DONE, Frame, FrameParser, Mark, follow_script};
use super::durable_start::not_understood;
use super::error::LinkError;
use super::killing::Killing;
use super::session_channel::SessionChannel;

/// What became of the job.
#[derive(Debug)]
pub enum Followed {
    /// It ended with this status of its shell, and all that it wrote has come.
    Exited(u32, Remains),
    /// How it ended cannot be known any more, or it never ran, and why so.
    Gone(String),
}

/// The ended job's folder on its host, which its follower still holds.
#[derive(Debug)]
pub struct Remains {
    reader: ChannelReadHalf,
    writer: ClosingWriter,
    parser: FrameParser,
}

/// How long the host may take to remove a folder.
const REMOVE_WAIT: Duration = Duration::from_secs(10);

impl Remains {
    /// Has the host remove the folder: everything is on disk here. One that
    /// stays goes seven days later.
    pub async fn remove(mut self) {
        let removing = async {
            self.writer.data_bytes(DONE.to_vec()).await?;
            while let Some(message) = self.reader.wait().await {
                if let ChannelMsg::Data { data } = message {
                    let mut bytes = &data[..];
                    if let Ok(Some(Frame::Removed)) = self.parser.next(&mut bytes) {
                        break;
                    }
                }
            }
            Ok::<_, russh::Error>(())
        };
        match tokio::time::timeout(REMOVE_WAIT, removing).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a job's folder stays for seven days"),
            Err(_late) => tracing::debug!("the host was slow to remove a job's folder"),
        }
    }
}

impl Connection {
    /// Follows the job `mark`, passing on what follows `from`, in bytes of each
    /// of the two streams. `kill` is what was asked for its end, whichever
    /// follower it was told. An error says that this one is no longer of use.
    pub async fn follow_durable(
        self: &Arc<Self>,
        mark: &Mark,
        from: [u64; 2],
        sink: &dyn OutputSink,
        kill: &mut Option<Kill>,
        control: &mut mpsc::Receiver<Kill>,
    ) -> Result<Followed, LinkError> {
        let SessionChannel { mut reader, writer } = self.open_session().await?;
        let mut parser = FrameParser::new(mark);
        let mut killing = Killing::new(Box::new(|kill| {
            let signalling = Arc::clone(self).signal_durable(mark.clone(), kill);
            let signalling = self.sessions().tasks.spawn(signalling);
            Box::pin(async move {
                if let Err(panic) = signalling.await {
                    tracing::error!(%panic, "signalling a durable job failed");
                }
            })
        }));
        if let Some(kill) = kill.clone() {
            killing.begin(kill);
        }
        let [stdout, stderr] = from;
        let made = follow_script(mark, stdout, stderr);
        let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
        writer.exec(true, made.command).await.map_err(lost)?;
        let end = {
            // Its stdin stays open: the word to remove the folder comes there.
            let mut feeding = std::pin::pin!(writer.data_bytes(made.fed));
            let mut is_fed = false;
            loop {
                tokio::select! {
                    biased;
                    () = self.closed().cancelled() => return Err(self.lost()),
                    message = reader.wait() => match message {
                        Some(ChannelMsg::Data { data }) => {
                            if let Some(end) = take(&data, &mut parser, sink)? {
                                break end;
                            }
                        }
                        Some(ChannelMsg::Failure) => return Err(LinkError::ExecRefused),
                        Some(ChannelMsg::Close) | None => {
                            return Err(LinkError::Lost("the follower on the host ended".into()));
                        }
                        Some(_) => {}
                    },
                    fed = &mut feeding, if !is_fed => {
                        fed.map_err(lost)?;
                        is_fed = true;
                    }
                    Some(told) = control.recv() => {
                        *kill = Some(told.clone());
                        killing.begin(told);
                    }
                    () = killing.wait() => if !killing.go_on() {
                        tracing::warn!(%mark, "a durable job does not end");
                    },
                }
            }
        };
        Ok(match end {
            End::Exited(status) => {
                let remains = Remains {
                    reader,
                    writer,
                    parser,
                };
                Followed::Exited(status, remains)
            }
            End::Gone(why) => Followed::Gone(why),
        })
    }
}

enum End {
    Exited(u32),
    Gone(String),
}

/// Takes what came; an end when that was among it.
fn take(
    data: &[u8],
    parser: &mut FrameParser,
    sink: &dyn OutputSink,
) -> Result<Option<End>, LinkError> {
    let mut bytes = data;
    loop {
        match parser.next(&mut bytes) {
            Ok(Some(Frame::Stdout(bytes))) => sink.write(Stream::Stdout, bytes),
            Ok(Some(Frame::Stderr(bytes))) => sink.write(Stream::Stderr, bytes),
            Ok(Some(Frame::Exit(status))) => return Ok(Some(End::Exited(status))),
            Ok(Some(Frame::Gone(why))) => return Ok(Some(End::Gone(why))),
            // A job's files only grow.
            Ok(Some(Frame::KeepAlive | Frame::Removed | Frame::Lost(_))) => {}
            Ok(None) => return Ok(None),
            Err(garbled) => return Err(not_understood(&garbled.to_string())),
        }
    }
}
