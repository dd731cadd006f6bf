//! The local socket: 0600 in a 0700 folder, for our own user alone.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schema::hello::Purpose;
use schema::limits::{HELLO_MAX_BYTES, LINE_MAX_BYTES};
use sha2::{Digest, Sha256};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::front::{Front, Stage};
use super::lines::LineReader;
use super::mcp::McpServer;
use super::{control, hello};
use crate::tools::Reach;

/// Bytes of a path in a socket address, its closing zero included: 108 on
/// Linux, 104 on macOS and the BSDs.
const ADDRESS_BYTES: usize = if cfg!(target_os = "linux") { 108 } else { 104 };

/// Connections at once; the next waits in the kernel's queue.
const CONNECTIONS_MAX: usize = 1024;

/// The first wait after accept failed, doubled up to [`BACK_OFF_MAX`].
const BACK_OFF: Duration = Duration::from_millis(50);
const BACK_OFF_MAX: Duration = Duration::from_secs(1);

/// Listens at `path`, or elsewhere when that is too long for an address. The
/// caller holds the daemon's lock: what is there is a dead daemon's.
pub fn listen(path: &Path, temporary: &Path) -> io::Result<(UnixListener, PathBuf)> {
    let path = if path.as_os_str().len() < ADDRESS_BYTES {
        path.to_path_buf()
    } else {
        short_folder(path, temporary)?.join("daemon.sock")
    };
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok((listener, path))
}

/// A folder of ours below `temporary`, 0700, its name made from `path` so that
/// the next daemon finds it again. Another user's folder of that name is not
/// used: then the name is random.
fn short_folder(path: &Path, temporary: &Path) -> io::Result<PathBuf> {
    let uid = rustix::process::geteuid().as_raw();
    let digest = Sha256::digest(path.as_os_str().as_bytes());
    let named = u64::from_le_bytes(digest.first_chunk().copied().unwrap_or_default());
    let folder = temporary.join(format!("remote-shell-mcp-{uid}-{named:016x}"));
    let mut builder = std::fs::DirBuilder::new();
    builder.mode(0o700);
    match builder.create(&folder) {
        Ok(()) => return Ok(folder),
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Err(_exists) => {}
    }
    let found = std::fs::symlink_metadata(&folder)?;
    if found.is_dir() && found.uid() == uid && found.mode().trailing_zeros() >= 6 {
        return Ok(folder);
    }
    let random = super::token::random_hex::<8>().map_err(io::Error::other)?;
    let folder = temporary.join(format!("remote-shell-mcp-{uid}-{random}"));
    builder.create(&folder)?;
    Ok(folder)
}

/// Accepts until the daemon stops.
pub async fn accept(front: Arc<Front>, listener: UnixListener) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut wait = BACK_OFF;
    loop {
        let accepted = tokio::select! {
            () = front.stop.cancelled() => return,
            Ok(room) = Arc::clone(&room).acquire_owned() => {
                tokio::select! {
                    () = front.stop.cancelled() => return,
                    accepted = listener.accept() => accepted.map(|(stream, _)| (stream, room)),
                }
            }
        };
        match accepted {
            Ok((stream, room)) => {
                wait = BACK_OFF;
                let served = Arc::clone(&front);
                front.tasks.spawn(async move {
                    if let Err(error) = connection(&served, stream).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                    drop(room);
                });
            }
            // No descriptor or no memory: what is open goes on, and waiting
            // is all that helps (FAULTS 19).
            Err(error) => {
                tracing::warn!(%error, wait_ms = wait.as_millis(), "accept failed");
                tokio::select! {
                    () = front.stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
                wait = (wait * 2).min(BACK_OFF_MAX);
            }
        }
    }
}

async fn connection(front: &Arc<Front>, stream: UnixStream) -> io::Result<()> {
    let peer = stream.peer_cred()?.uid();
    if peer != rustix::process::geteuid().as_raw() {
        tracing::warn!(peer, "another user's connection was closed");
        return Ok(());
    }
    let (read, mut write) = stream.into_split();
    let mut lines = LineReader::new(read, HELLO_MAX_BYTES);
    let exchanged = tokio::select! {
        exchanged = hello::exchange(front, &mut lines, &mut write) => exchanged?,
        () = front.close.cancelled() => return Ok(()),
    };
    let Some(hello) = exchanged else {
        return Ok(());
    };
    let lines = lines.with_limit(LINE_MAX_BYTES);
    if let Stage::Ready(tools) = front.stage() {
        tools.agent_arrived(&hello.client.ssh_auth_sock);
    }
    match (hello.purpose, front.stage()) {
        // Counted from here: whoever was refused is no client to stay for.
        (Purpose::Control, _) => {
            let _here = front.enter();
            control::serve(front, hello.client, lines, write).await
        }
        (Purpose::Mcp, Stage::Ready(tools)) => {
            let server = McpServer::new(front, tools, hello.client, Reach::Socket);
            server.serve(front, lines, write, front.enter()).await;
            Ok(())
        }
        // The hello refused these.
        (Purpose::Mcp | Purpose::Attach, _) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_is_ours_alone_and_replaces_a_dead_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("daemon.sock");
        std::fs::write(&path, "left behind").unwrap();
        let (_listener, at) = listen(&path, folder.path()).unwrap();
        assert_eq!(at, path);
        assert_eq!(std::fs::metadata(&at).unwrap().mode() & 0o777, 0o600);
    }

    #[tokio::test]
    async fn a_path_too_long_goes_to_a_folder_of_ours_again_and_again() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("x".repeat(120)).join("daemon.sock");
        let (_first, at) = listen(&path, temporary.path()).unwrap();
        let (_second, again) = listen(&path, temporary.path()).unwrap();
        assert_eq!(at, again);
        let folder = at.parent().unwrap();
        assert_eq!(std::fs::metadata(folder).unwrap().mode() & 0o777, 0o700);
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        assert_ne!(listen(&path, temporary.path()).unwrap().1, at);
    }
}
