//! Drives a started command to its end: reads, feeds, passes orders on, and
//! ends it when told to.

use std::sync::Arc;

use futures::FutureExt;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::sync::mpsc;

use super::closing_writer::ClosingWriter;
use super::command::{Ended, Kill, OutputSink, Stream};
use super::connection::Connection;
use super::error::LinkError;
use super::killing::{Deliver, Killing};
use super::marker;
use crate::words::one_line;

/// A started command.
pub(super) struct Driver<'a> {
    pub(super) connection: &'a Arc<Connection>,
    pub(super) sink: &'a dyn OutputSink,
    pub(super) reader: ChannelReadHalf,
    pub(super) writer: ClosingWriter,
    /// What its processes carry in their environment.
    pub(super) mark: String,
    pub(super) ended: Ended,
}

/// Whether the channel goes on.
pub(super) enum Step {
    GoOn,
    Refused,
    Closed,
}

impl Driver<'_> {
    /// Runs to the end of the channel or of the link.
    pub(super) async fn run(
        mut self,
        fed: Vec<u8>,
        control: &mut mpsc::Receiver<Kill>,
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
                    Step::Refused => return Err(LinkError::ExecRefused),
                    Step::Closed => break,
                },
                () = closed.cancelled() => {
                    // What came before the end may wait to be taken.
                    while let Some(message @ Some(_)) = reader.wait().now_or_never() {
                        take(message, ended, self.sink);
                    }
                    ended.lost = Some(self.connection.end_reason());
                    break;
                }
                () = &mut feeding, if !is_fed => is_fed = true,
                Some(kill) = control.recv() => killing.begin(kill),
                () = killing.wait() => if !killing.go_on() {
                    ended.survived = true;
                    break;
                },
            }
        }
        drop(killing);
        Ok(settle(self.ended))
    }
}

/// A signal through SSH and, since sshd passes none on for root, by the marker
/// of the command's processes, which goes on when the command has ended: some
/// of them may have left it.
fn delivery<'a>(
    own: &'a Arc<Connection>,
    writer: &'a ChannelWriteHalf<Msg>,
    mark: &'a str,
) -> Deliver<'a> {
    Box::new(move |kill| {
        let connection = kill.through.unwrap_or_else(|| Arc::clone(own));
        let (mark, name) = (mark.to_owned(), kill.signal.clone());
        let searching = own.sessions().tasks.spawn(async move {
            marker::signal_marked(&connection, &mark, &name).await;
        });
        Box::pin(async move {
            signal(writer, &kill.signal).await;
            if let Err(panic) = searching.await {
                tracing::error!(%panic, "looking for a command's processes failed");
            }
        })
    })
}

/// An end without an exit code or a signal is an unknown one.
pub(super) fn settle(mut ended: Ended) -> Ended {
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
pub(super) fn take(message: Option<ChannelMsg>, ended: &mut Ended, sink: &dyn OutputSink) -> Step {
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
        Sig::Custom(name) => one_line(name, 32),
        known => format!("{known:?}"),
    }
}
