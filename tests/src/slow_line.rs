//! A line to a server with a delay, that can be cut: a proxy on loopback, since
//! `tc netem` is not to be had everywhere.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are on the way, in pieces of this size.
const PIECE_BYTES: usize = 64 << 10;

/// Pieces on the way at once; what is more waits with its sender.
const PIECES_MAX: usize = 4096;

/// The line. Ends with the process; connections end with [`SlowLine::cut`].
#[derive(Debug)]
pub struct SlowLine {
    port: u16,
    open: Arc<Mutex<Vec<TcpStream>>>,
}

impl SlowLine {
    /// Leads to `address`; each piece arrives `one_way` later.
    pub fn start(address: String, one_way: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let line = Self {
            port: listener.local_addr().expect("its address").port(),
            open: Arc::default(),
        };
        let open = Arc::clone(&line.open);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let Ok(far) = TcpStream::connect(&address) else {
                    continue;
                };
                carry(&near, &far, one_way);
                carry(&far, &near, one_way);
                open.lock().expect("no panic").extend([near, far]);
            }
        });
        line
    }

    /// Where it begins, `127.0.0.1:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends every connection; new ones are carried.
    pub fn cut(&self) {
        for stream in self.open.lock().expect("no panic").drain(..) {
            drop(stream.shutdown(Shutdown::Both));
        }
    }
}

/// One direction, on two threads: one reads, one writes when it is time.
fn carry(from: &TcpStream, to: &TcpStream, one_way: Duration) {
    let mut from = from.try_clone().expect("a descriptor");
    let mut to = to.try_clone().expect("a descriptor");
    to.set_nodelay(true).expect("no delay of its own");
    let (send, receive) = mpsc::sync_channel::<(Instant, Vec<u8>)>(PIECES_MAX);
    thread::spawn(move || {
        let mut piece = vec![0; PIECE_BYTES];
        while let Ok(count) = from.read(&mut piece) {
            let due = Instant::now() + one_way;
            if count == 0 || send.send((due, piece[..count].to_vec())).is_err() {
                break;
            }
        }
    });
    thread::spawn(move || {
        for (due, piece) in receive {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            if to.write_all(&piece).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Write));
    });
}
