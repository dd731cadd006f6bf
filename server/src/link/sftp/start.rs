//! Starting SFTP on a link, and keeping it for the next call for a while.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use russh::ChannelMsg;
use tokio::time::Instant;

use super::client::{Begun, Extensions, Sftp};
use super::error::SftpError;
use super::frames::Frames;
use super::slot::living;
use super::wire::Fields;
use crate::link::connection::Connection;
use crate::link::session_channel::{SessionChannel, answered};
use crate::words::one_line;

/// The first packet: its length, its type, and version 3.
const INIT: [u8; 9] = [0, 0, 0, 5, 1, 0, 0, 0, 3];

/// The type of the server's first packet.
const VERSION: u8 = 2;

/// How long SFTP is kept for the next call: less than a call waits for a place on a
/// host that allows one session channel alone.
const IDLE_MAX: Duration = Duration::from_secs(10);

/// How long a server may take to begin.
const BEGIN_WAIT: Duration = Duration::from_secs(30);

impl Connection {
    /// SFTP on this link: what is there, else a new one.
    pub async fn sftp(self: &Arc<Self>) -> Result<Arc<Sftp>, SftpError> {
        let mut slot = self.sftp_slot().turn().await;
        if let Some(there) = living(&slot) {
            self.be_heard().await?;
            return Ok(there);
        }
        let made = Arc::new(self.own_sftp().await?);
        *slot = Arc::downgrade(&made);
        self.sessions().tasks.spawn(keep(Arc::clone(&made)));
        Ok(made)
    }

    /// SFTP on a channel that nobody else uses, for what keeps it busy.
    pub async fn own_sftp(self: &Arc<Self>) -> Result<Sftp, SftpError> {
        let begun = tokio::time::timeout(BEGIN_WAIT, self.begin_sftp()).await;
        let late = |_late| Err(SftpError::NoSftp("it does not answer".into()));
        Ok(Sftp::new(begun.unwrap_or_else(late)?))
    }

    async fn begin_sftp(self: &Arc<Self>) -> Result<Begun, SftpError> {
        let SessionChannel { mut reader, writer } = self.open_session().await?;
        let lost = |error: russh::Error| SftpError::Lost(schema::Fault::chain(&error));
        writer.request_subsystem(true, "sftp").await.map_err(lost)?;
        if !answered(&mut reader).await? {
            let words = "it refused the subsystem `sftp`";
            return Err(SftpError::NoSftp(words.into()));
        }
        // Before it runs a program sshd takes no byte.
        let asked = Instant::now();
        let init = writer.data_bytes(Bytes::from_static(&INIT)).await;
        init.map_err(lost)?;
        let (mut frames, mut first) = (Frames::default(), Vec::new());
        let packet = loop {
            match reader.wait().await {
                Some(ChannelMsg::Data { data }) => {
                    first.extend(data.iter().take(200_usize.saturating_sub(first.len())));
                    frames.add(&data);
                }
                Some(ChannelMsg::Eof | ChannelMsg::Close) | None => {
                    let words = "it ended before it began";
                    return Err(SftpError::NoSftp(words.into()));
                }
                Some(_) => continue,
            }
            match frames.next() {
                Ok(Some(packet)) => break packet,
                Ok(None) => {}
                Err(_huge) => return Err(spoke(&first)),
            }
        };
        let extensions = version(packet).map_err(|_odd| spoke(&first))?;
        Ok(Begun {
            reader,
            writer,
            frames,
            extensions,
            closed: self.closed().clone(),
            round_trip: asked.elapsed(),
            tasks: self.sessions().tasks.clone(),
        })
    }
}

/// Holds it until nobody has asked anything for a while.
async fn keep(sftp: Arc<Sftp>) {
    while !sftp.is_over() && sftp.idle_for() < IDLE_MAX {
        tokio::time::sleep(IDLE_MAX.saturating_sub(sftp.idle_for())).await;
    }
}

/// What the server can do, from its first packet.
fn version(packet: Bytes) -> Result<Extensions, SftpError> {
    let mut fields = Fields::new(packet);
    let (kind, version) = (fields.u8()?, fields.u32()?);
    if kind != VERSION || version != 3 {
        return Err(SftpError::wrong("it does not speak version 3"));
    }
    let mut extensions = Extensions::default();
    while !fields.is_empty() {
        let (name, version) = (fields.string()?, fields.string()?);
        match (&name[..], &version[..]) {
            (b"posix-rename@openssh.com", b"1") => extensions.posix_rename = true,
            (b"fsync@openssh.com", b"1") => extensions.fsync = true,
            (b"limits@openssh.com", b"1") => extensions.limits = true,
            _ => {}
        }
    }
    Ok(extensions)
}

/// Something else than SFTP came, mostly what a login shell's start-up file prints.
fn spoke(first: &[u8]) -> SftpError {
    let shown = one_line(&String::from_utf8_lossy(first), 80);
    SftpError::NoSftp(format!(
        "something else came first, `{shown}`: a start-up file of the login shell prints it, \
         perhaps"
    ))
}
