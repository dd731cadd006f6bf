//! `demo-sshd FOLDER`: a throw-away SSH server on loopback. Its host key and
//! the one key that it lets in are made at each start; commands run with
//! `sh -c` as its own user; it is gone when its stdin is closed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::ssh_key::private::Ed25519Keypair;
use russh::keys::{HashAlg, PrivateKey, PublicKey};
use russh::server::{
    Auth, ChannelOpenHandle, Config, Handle, Handler, Msg, Server, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::{ChildStdin, Command};

/// What is read from a command's output at once.
const PIECE_BYTES: usize = 16 << 10;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: demo-sshd FOLDER");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime.map(|runtime| runtime.block_on(serve(&folder))) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) | Err(error) => {
            eprintln!("demo-sshd: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until stdin ends.
async fn serve(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let (host, client) = (new_key()?, new_key()?);
    let key_path = folder.join("demo_key");
    let text = client
        .to_openssh(LineEnding::LF)
        .map_err(std::io::Error::other)?;
    std::fs::write(&key_path, text.as_bytes())?;
    private(&key_path)?;
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let fingerprint = host.public_key().fingerprint(HashAlg::Sha256).to_string();
    println!(
        "{}",
        json!({"port": socket.local_addr()?.port(), "key": key_path, "host_key": fingerprint})
    );
    let config = Arc::new(Config {
        keys: vec![host],
        nodelay: true,
        inactivity_timeout: None,
        auth_rejection_time_initial: Some(std::time::Duration::ZERO),
        ..Config::default()
    });
    let mut door = Door {
        key: client.public_key().clone(),
        folder: folder.to_path_buf(),
    };
    tokio::select! {
        ended = door.run_on_socket(config, &socket) => ended,
        () = stdin_ends() => Ok(()),
    }
}

async fn stdin_ends() {
    let mut stdin = tokio::io::stdin();
    let mut ignored = [0; 64];
    while matches!(stdin.read(&mut ignored).await, Ok(1..)) {}
}

fn new_key() -> std::io::Result<PrivateKey> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(std::io::Error::other)?;
    Ok(PrivateKey::from(Ed25519Keypair::from_seed(&seed)))
}

/// Readable to its owner alone, as every SSH client wants its key.
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

/// Makes one [`Guest`] a connection.
struct Door {
    key: PublicKey,
    folder: PathBuf,
}

impl Server for Door {
    type Handler = Guest;

    fn new_client(&mut self, _: Option<std::net::SocketAddr>) -> Guest {
        Guest {
            key: self.key.clone(),
            folder: self.folder.clone(),
            variables: HashMap::new(),
            inputs: HashMap::new(),
        }
    }
}

/// One connection.
struct Guest {
    key: PublicKey,
    folder: PathBuf,
    variables: HashMap<ChannelId, Vec<(String, String)>>,
    inputs: HashMap<ChannelId, ChildStdin>,
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey(
        &mut self,
        _: &str,
        key: VerifiedPublicKey<'_>,
    ) -> Result<Auth, russh::Error> {
        if key.public_key.key_data() == self.key.key_data() {
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

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let pair = (name.to_owned(), value.to_owned());
        self.variables.entry(channel).or_default().push(pair);
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        let spawned = Command::new("sh")
            .arg("-c")
            .arg(String::from_utf8_lossy(command).as_ref())
            .envs(self.variables.remove(&channel).unwrap_or_default())
            .current_dir(&self.folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let Ok(mut child) = spawned else {
            return session.channel_failure(channel);
        };
        if let Some(stdin) = child.stdin.take() {
            self.inputs.insert(channel, stdin);
        }
        session.channel_success(channel)?;
        tokio::spawn(attend(child, session.handle(), channel));
        Ok(())
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(stdin) = self.inputs.get_mut(&channel)
            && stdin.write_all(data).await.is_err()
        {
            // The command closed its stdin, which is its right.
            self.inputs.remove(&channel);
        }
        Ok(())
    }

    async fn channel_eof(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.inputs.remove(&channel);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        channel: ChannelId,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.inputs.remove(&channel);
        Ok(())
    }
}

/// Carries a command's output and end to its channel.
async fn attend(mut child: tokio::process::Child, handle: Handle, channel: ChannelId) {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    tokio::join!(
        carry(stdout, &handle, channel, false),
        carry(stderr, &handle, channel, true)
    );
    let code = child
        .wait()
        .await
        .ok()
        .and_then(|status| status.code())
        .unwrap_or(255);
    // A client that is gone does not hear the end.
    let _heard = handle
        .exit_status_request(channel, u32::try_from(code).unwrap_or(255))
        .await
        .is_ok()
        && handle.eof(channel).await.is_ok()
        && handle.close(channel).await.is_ok();
}

async fn carry(
    from: Option<impl AsyncRead + Unpin>,
    handle: &Handle,
    channel: ChannelId,
    is_stderr: bool,
) {
    let Some(mut from) = from else { return };
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        let data = piece[..count].to_vec();
        let sent = if is_stderr {
            handle.extended_data(channel, 1, data).await.is_ok()
        } else {
            handle.data(channel, data).await.is_ok()
        };
        if !sent {
            return;
        }
    }
}
