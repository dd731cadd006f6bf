//! Following a durable job over a link: its output from an offset on, and its
//! end.

use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::sync::mpsc;

use super::command::{Control, OutputSink, Stream};
use super::connection::Connection;
use super::driver::close;
use super::durable::{DONE, Frame, FrameParser, Mark, follow_script};
use super::durable_start::not_understood;
use super::error::LinkError;
use super::killing::Killing;
use super::places::Place;
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
    writer: ChannelWriteHalf<Msg>,
    parser: FrameParser,
    _place: Place,
}

/// How long the host may take to remove a folder.
const REMOVE_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

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
            self.writer.close().await
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
    /// of the two streams. An error says that this link is no longer of use.
    pub async fn follow_durable(
        &self,
        mark: &Mark,
        from: [u64; 2],
        sink: &dyn OutputSink,
        control: &mut mpsc::Receiver<Control>,
    ) -> Result<Followed, LinkError> {
        let SessionChannel { channel, place } = self.open_session().await?;
        let (mut reader, writer) = channel.split();
        let mut parser = FrameParser::new(mark);
        let following = async {
            let [stdout, stderr] = from;
            let made = follow_script(mark, stdout, stderr);
            let lost = |error: russh::Error| LinkError::Lost(schema::Fault::chain(&error));
            writer.exec(true, made.command).await.map_err(lost)?;
            // Its stdin stays open: the word to remove the folder comes there.
            writer.data_bytes(made.fed).await.map_err(lost)?;
            let mut killing =
                Killing::new(Box::new(|kill| Box::pin(self.signal_durable(mark, kill))));
            loop {
                tokio::select! {
                    message = reader.wait() => match message {
                        Some(ChannelMsg::Data { data }) => {
                            if let Some(end) = take(&data, &mut parser, sink)? {
                                return Ok(end);
                            }
                        }
                        Some(ChannelMsg::Failure) => return Err(LinkError::ExecRefused),
                        Some(ChannelMsg::Close) | None => {
                            return Err(LinkError::Lost("the follower on the host ended".into()));
                        }
                        Some(_) => {}
                    },
                    Some(told) = control.recv() => if let Control::Kill(kill) = told {
                        killing.begin(kill);
                    },
                    () = killing.wait() => if !killing.go_on() {
                        tracing::warn!(%mark, "a durable job does not end");
                    },
                }
            }
        };
        let end = tokio::select! {
            biased;
            () = self.closed().cancelled() => Err(self.lost()),
            end = following => end,
        };
        match end {
            Ok(End::Exited(status)) => {
                let remains = Remains {
                    reader,
                    writer,
                    parser,
                    _place: place,
                };
                Ok(Followed::Exited(status, remains))
            }
            Ok(End::Gone(why)) => {
                close(&writer).await;
                Ok(Followed::Gone(why))
            }
            Err(error) => {
                close(&writer).await;
                Err(error)
            }
        }
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
            Ok(Some(Frame::KeepAlive | Frame::Removed)) => {}
            Ok(None) => return Ok(None),
            Err(garbled) => return Err(not_understood(&garbled.to_string())),
        }
    }
}
