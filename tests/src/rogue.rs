//! An SSH server of our own that does what OpenSSH never would: the word that
//! it is asked to run names the channel that it then opens unasked.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Server, Session};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The password that it lets in.
pub const PASSWORD: &str = "rogue-password-77b1";

/// Every channel that it can open, by its name on the wire (RFC 4254 sections
/// 6.1, 6.3.2 and 7.2, and OpenSSH's PROTOCOL).
pub const CHANNELS: [&str; 7] = [
    "session",
    "x11",
    "forwarded-tcpip",
    "direct-tcpip",
    "auth-agent@openssh.com",
    "forwarded-streamlocal@openssh.com",
    "direct-streamlocal@openssh.com",
];

/// A running server; gone when dropped.
#[derive(Debug)]
pub struct Rogue {
    address: SocketAddr,
    fingerprint: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Rogue {
    /// Starts one on a free port of loopback.
    pub fn start() -> Self {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).expect("random bytes");
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let fingerprint = key.public_key().fingerprint(HashAlg::Sha256).to_string();
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(async {
                let socket = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                let address = socket.local_addr().expect("its address");
                ready.send(address).expect("somebody waits");
                let mut door = Door;
                tokio::select! {
                    ended = door.run_on_socket(config(key), &socket) => ended.expect("it serves"),
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: address.recv().expect("it starts"),
            fingerprint,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Its host key's `SHA256:...`.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn config(key: PrivateKey) -> Arc<Config> {
    Arc::new(Config {
        keys: vec![key],
        nodelay: true,
        auth_rejection_time: std::time::Duration::ZERO,
        ..Config::default()
    })
}

struct Door;

impl Server for Door {
    type Handler = Guest;

    fn new_client(&mut self, _: Option<SocketAddr>) -> Guest {
        Guest
    }
}

struct Guest;

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_password(&mut self, _: &str, password: &str) -> Result<Auth, russh::Error> {
        if password == PASSWORD {
            Ok(Auth::Accept)
        } else {
            Ok(Auth::reject())
        }
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        reply.accept().await;
        Ok(())
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let kind = String::from_utf8_lossy(command).trim().to_owned();
        session.channel_success(channel)?;
        tokio::spawn(answer(session.handle(), channel, kind));
        Ok(())
    }
}

/// Opens what it was told to, and prints what came of it.
async fn answer(handle: Handle, channel: ChannelId, kind: String) {
    let opened = match kind.as_str() {
        "session" => handle.channel_open_session().await,
        "x11" => handle.channel_open_x11("127.0.0.1", 1).await,
        "forwarded-tcpip" => {
            let here = "127.0.0.1";
            handle.channel_open_forwarded_tcpip(here, 22, here, 1).await
        }
        "direct-tcpip" => {
            let here = "127.0.0.1";
            handle.channel_open_direct_tcpip(here, 22, here, 1).await
        }
        "auth-agent@openssh.com" => handle.channel_open_agent().await,
        "forwarded-streamlocal@openssh.com" => {
            handle.channel_open_forwarded_streamlocal("/tmp/s").await
        }
        "direct-streamlocal@openssh.com" => handle.channel_open_direct_streamlocal("/tmp/s").await,
        _ => Err(russh::Error::Inconsistent),
    };
    let said = match opened {
        Ok(_) => "opened".to_owned(),
        Err(russh::Error::ChannelOpenFailure(ChannelOpenFailure::AdministrativelyProhibited)) => {
            "prohibited".to_owned()
        }
        Err(error) => format!("failed: {error}"),
    };
    // A client that is gone does not hear it.
    let _heard = handle.data(channel, said.into_bytes()).await.is_ok()
        && handle.exit_status_request(channel, 0).await.is_ok()
        && handle.close(channel).await.is_ok();
}
