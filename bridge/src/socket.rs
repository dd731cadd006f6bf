//! Connects to a local socket within a time, and asks the system who is at the
//! other end.

use std::io;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

/// Between two tries to connect to a socket whose queue is full.
const QUEUE_FULL_PAUSE: Duration = Duration::from_millis(5);

/// A connection to whoever listens there. The descriptor is blocking.
///
/// Not `UnixStream::connect`: that waits without end for a stopped process
/// whose queue is full.
pub(crate) fn connect(path: &Path, until: Instant) -> io::Result<UnixStream> {
    let address = SocketAddrUnix::new(path)?;
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(true)?;
    loop {
        match rustix::net::connect(&stream, &address) {
            Ok(()) => break,
            Err(Errno::AGAIN | Errno::INTR) if Instant::now() < until => {
                std::thread::sleep(QUEUE_FULL_PAUSE);
            }
            Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
            Err(error) => return Err(error.into()),
        }
    }
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Whether an error of [`connect`] means that nobody listens there.
pub(crate) fn is_nobody(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, NotADirectory, NotFound};
    matches!(
        error.kind(),
        ConnectionRefused | ConnectionReset | NotFound | NotADirectory
    )
}

/// The user and the process at the other end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) uid: u32,
    /// Zero where the system does not say.
    pub(crate) pid: i32,
}

/// Who listens at the other end of the connection to that path.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn peer(stream: impl AsFd, _path: &Path) -> io::Result<Peer> {
    let credentials = rustix::net::sockopt::socket_peercred(stream)?;
    Ok(Peer {
        uid: credentials.uid.as_raw(),
        pid: credentials.pid.as_raw_pid(),
    })
}

/// Who listens at the other end of the connection to that path: elsewhere, the
/// owner of the socket file.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn peer(_stream: impl AsFd, path: &Path) -> io::Result<Peer> {
    use std::os::unix::fs::MetadataExt;
    let uid = std::fs::symlink_metadata(path)?.uid();
    Ok(Peer { uid, pid: 0 })
}
