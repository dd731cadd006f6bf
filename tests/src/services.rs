//! Real services on this machine, for what leads to them.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::programs;
use crate::until::{SOON, until_true};

/// A service in the foreground; ended when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    port: u16,
}

impl Service {
    /// Redis with a Unix socket `redis.sock` in `folder`, which is also its own.
    pub fn redis(folder: &Path) -> Self {
        let mut redis = programs::command("redis-check-rdb");
        // One program under several names.
        redis.arg0("redis-server").current_dir(folder);
        Self::start(|port| {
            redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1"]);
            redis.args(["--unixsocket", "redis.sock", "--save", ""]);
            redis
        })
    }

    /// An HTTP server of the files in `folder`.
    pub fn http(folder: &Path) -> Self {
        let mut httpd = programs::command("busybox");
        httpd.arg("httpd").arg("-f").arg("-h").arg(folder);
        Self::start(|port| {
            httpd.args(["-p", &format!("127.0.0.1:{port}")]);
            httpd
        })
    }

    fn start(command: impl FnOnce(u16) -> Command) -> Self {
        let port = free_port();
        let mut command = command(port);
        command.stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("the service starts");
        let service = Self { child, port };
        until_true("the service answers", SOON, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        service
    }

    /// Where it listens, on loopback.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A port of loopback that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("its address").port()
}

/// Serves connections to `address` with `serve`, each in a thread, as long as the
/// program runs; gives the port.
pub fn serve_with(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            std::thread::spawn(move || serve(stream));
        }
    });
    port
}

/// The same, one connection after the other.
pub fn serve_in_turn(mut serve: impl FnMut(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            serve(stream);
        }
    });
    port
}

/// A service that sends back what comes, then ends; gives its port.
pub fn echo() -> u16 {
    serve_with(|mut stream| {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(count) = stream.read(&mut buffer) {
            let Some(came) = buffer.get(..count).filter(|came| !came.is_empty()) else {
                break;
            };
            if stream.write_all(came).is_err() {
                break;
            }
        }
    })
}

/// A connection to a port of loopback.
pub fn connect(port: u16) -> TcpStream {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let stream = TcpStream::connect(address).expect("somebody listens");
    stream
        .set_read_timeout(Some(std::time::Duration::from_secs(40)))
        .expect("a limit");
    stream
}
