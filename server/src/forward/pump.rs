//! Carries bytes between a socket here and a stream over the link, each direction to
//! its own end.

use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::FutureExt;
use schema::Fault;
use tokio::net::TcpStream;

use super::backlog::{Backlog, Overflow};
use super::handle::Forward;
use crate::link::{Came, Tunnel, TunnelReader, TunnelWriter};

/// What is read from a socket at once, in bytes.
const READ_AT_ONCE: usize = 128 << 10;

/// Messages that are taken from the link before they are written.
const MESSAGES_AT_ONCE: usize = 16;

/// How a connection came to its end.
#[derive(Debug)]
pub(super) enum Carried {
    /// Both sides had their say.
    Whole,
    /// It broke: the socket's other end must not take what it got for all.
    Broken(String),
}

/// The bytes of both directions.
pub(super) struct Counted<'a> {
    /// From the socket to the link.
    to_link: &'a AtomicU64,
    /// From the link to the socket.
    from_link: &'a AtomicU64,
}

impl<'a> Counted<'a> {
    /// Of a connection that came here: its target is on the link's far side.
    pub(super) fn from_here(forward: &'a Forward) -> Self {
        let counts = forward.counts();
        Self {
            to_link: &counts.bytes_out,
            from_link: &counts.bytes_in,
        }
    }

    /// Of one that came to the host: its target is on this side.
    pub(super) fn from_there(forward: &'a Forward) -> Self {
        let counts = forward.counts();
        Self {
            to_link: &counts.bytes_in,
            from_link: &counts.bytes_out,
        }
    }
}

/// Carries until both directions have ended, or one of them broke.
pub(super) async fn pump(
    socket: &TcpStream,
    mut tunnel: Tunnel,
    backlog: Backlog,
    counted: Counted<'_>,
) -> Carried {
    let carried = both_ways(socket, &mut tunnel, backlog, counted).await;
    tunnel.let_go();
    carried
}

async fn both_ways(
    socket: &TcpStream,
    tunnel: &mut Tunnel,
    backlog: Backlog,
    counted: Counted<'_>,
) -> Carried {
    let Tunnel { reader, writer } = tunnel;
    let sending = send(socket, writer, counted.to_link);
    tokio::pin!(sending);
    let mut is_sent = false;
    let end = {
        let delivering = deliver(reader, socket, backlog, counted.from_link);
        tokio::pin!(delivering);
        loop {
            tokio::select! {
                end = &mut delivering => break end,
                sent = &mut sending, if !is_sent => match sent {
                    Ok(()) => is_sent = true,
                    Err(why) => return Carried::Broken(why),
                },
            }
        }
    };
    match end {
        Ok(Delivered::Eof) if is_sent => Carried::Whole,
        Ok(Delivered::Eof) => {
            if let Err(error) = shut_down(socket) {
                return Carried::Broken(format!("the connection broke: {error}"));
            }
            tokio::select! {
                sent = &mut sending => sent.map_or_else(Carried::Broken, |()| Carried::Whole),
                lost = gone(reader) => lost,
            }
        }
        Ok(Delivered::Closed) => Carried::Whole,
        Err(why) => Carried::Broken(why),
    }
}

/// From the socket to the link.
async fn send(socket: &TcpStream, writer: &TunnelWriter, count: &AtomicU64) -> Result<(), String> {
    let broke = |error: io::Error| format!("the connection broke: {error}");
    let mut buffer = BytesMut::new();
    loop {
        socket.readable().await.map_err(broke)?;
        buffer.reserve(READ_AT_ONCE);
        match socket.try_read_buf(&mut buffer) {
            Ok(0) => break,
            Ok(read) => {
                count.fetch_add(read as u64, Ordering::Relaxed);
                let data = buffer.split().freeze();
                writer
                    .send(data)
                    .await
                    .map_err(|error| Fault::chain(&error))?;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(broke(error)),
        }
    }
    writer.eof().await.map_err(|error| Fault::chain(&error))
}

/// What ended a delivery, once all before it was delivered.
enum Delivered {
    Eof,
    Closed,
}

/// From the link to the socket. The link is read whatever the socket does.
async fn deliver(
    reader: &mut TunnelReader,
    socket: &TcpStream,
    mut backlog: Backlog,
    count: &AtomicU64,
) -> Result<Delivered, String> {
    let mut end = None;
    loop {
        if backlog.is_empty() {
            if let Some(end) = end {
                return Ok(end);
            }
            end = take(reader.next().await, &mut backlog).await?;
        }
        for _ in 0..MESSAGES_AT_ONCE {
            match reader.next().now_or_never() {
                Some(came) if end.is_none() => end = take(came, &mut backlog).await?,
                _ => break,
            }
        }
        backlog
            .fill()
            .await
            .map_err(|overflow| overflowed(&overflow))?;
        let slices = backlog.slices();
        if slices.is_empty() {
            continue;
        }
        match socket.try_write_vectored(&slices) {
            Ok(written) => {
                drop(slices);
                backlog.advance(written);
                count.fetch_add(written as u64, Ordering::Relaxed);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                tokio::select! {
                    came = reader.next(), if end.is_none() => {
                        end = take(came, &mut backlog).await?;
                    }
                    ready = socket.writable() => {
                        ready.map_err(|error| format!("the connection broke: {error}"))?;
                    }
                }
            }
            Err(error) => return Err(format!("the connection broke: {error}")),
        }
    }
}

async fn take(came: Came, backlog: &mut Backlog) -> Result<Option<Delivered>, String> {
    match came {
        Came::Data(data) => keep(data, backlog).await,
        Came::Eof => Ok(Some(Delivered::Eof)),
        Came::Closed => Ok(Some(Delivered::Closed)),
        Came::Lost => Err("the session's link was lost".into()),
    }
}

async fn keep(data: Bytes, backlog: &mut Backlog) -> Result<Option<Delivered>, String> {
    backlog
        .push(data)
        .await
        .map_err(|overflow| overflowed(&overflow))?;
    Ok(None)
}

fn overflowed(overflow: &Overflow) -> String {
    Fault::chain(overflow)
}

/// Waits for the other side to close after it has ended its direction.
async fn gone(reader: &mut TunnelReader) -> Carried {
    loop {
        match reader.next().await {
            Came::Closed => return Carried::Whole,
            Came::Lost => return Carried::Broken("the session's link was lost".into()),
            Came::Data(_) | Came::Eof => {}
        }
    }
}

/// Tells the socket's other end that there is no more; what it sends still comes.
fn shut_down(socket: &TcpStream) -> io::Result<()> {
    match rustix::net::shutdown(socket, rustix::net::Shutdown::Write) {
        // It is gone already, and what it sent comes to its own end.
        Err(rustix::io::Errno::NOTCONN) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
