//! Drives a started command to its end: reads, feeds, passes orders on, and
//! ends it when told to.

use futures::future::BoxFuture;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::mpsc;

use super::command::{Control, Ended, Kill, OutputSink, Stream};
use super::connection::Connection;
use super::error::LinkError;
use super::killing::Killing;
use super::marker;

/// A started command.
pub(super) struct Driver<'a> {
    pub(super) connection: &'a Connection,
    pub(super) sink: &'a dyn OutputSink,
    pub(super) reader: ChannelReadHalf,
    pub(super) writer: ChannelWriteHalf<Msg>,
    /// What its processes carry in their environment.
    pub(super) mark: String,
    pub(super) ended: Ended,
}

/// Whether the channel goes on.
enum Step {
    GoOn,
    Refused,
    Closed,
}

impl Driver<'_> {
    /// Runs to the end of the channel or of the link.
    pub(super) async fn run(
        mut self,
        fed: Vec<u8>,
        control: &mut mpsc::Receiver<Control>,
    ) -> Result<Ended, LinkError> {
        let closed = self.connection.closed().clone();
        let (reader, ended, writer) = (&mut self.reader, &mut self.ended, &self.writer);
        let mut killing = Killing::new(delivery(self.connection, writer, &self.mark));
        let feeding = feed(writer, fed);
        tokio::pin!(feeding);
        let mut is_fed = false;
        loop {
            tokio::select! {
                message = reader.wait() => match take(message, ended, self.sink) {
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
                    Control::Kill(kill) => killing.begin(kill),
                },
                () = killing.wait() => if !killing.go_on() {
                    ended.survived = true;
                    break;
                },
            }
        }
        drop(killing);
        close(writer).await;
        Ok(settle(self.ended))
    }
}

/// A signal through SSH and, since sshd passes none on for root, by the marker
/// of the command's processes.
fn delivery<'a>(
    own: &'a Connection,
    writer: &'a ChannelWriteHalf<Msg>,
    mark: &'a str,
) -> Box<dyn Fn(Kill) -> BoxFuture<'a, ()> + Send + Sync + 'a> {
    Box::new(move |kill| {
        Box::pin(async move {
            signal(writer, &kill.signal).await;
            let connection = kill.through.as_deref().unwrap_or(own);
            marker::signal_marked(connection, mark, &kill.signal).await;
        })
    })
}

/// An end without an exit code or a signal is an unknown one.
fn settle(mut ended: Ended) -> Ended {
    if ended.exit_code.is_some() || ended.signal.is_some() {
        ended.lost = None;
    } else if ended.survived {
        let words = "it was told to end and did not, and may still run on the host";
        ended.lost = Some(words.into());
    } else if ended.lost.is_none() {
        ended.lost = Some("the server closed the channel without an exit code".into());
    }
    ended
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

/// A dropped channel would leave the remote process running: close explicitly.
pub(super) async fn close(writer: &ChannelWriteHalf<Msg>) {
    if let Err(error) = writer.close().await {
        tracing::debug!(%error, "the channel was closed already");
    }
}

async fn signal(writer: &ChannelWriteHalf<Msg>, name: &str) {
    if let Err(error) = writer.signal(signal_of(name)).await {
        tracing::debug!(%error, name, "the command ended before its signal");
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
