//! From the lock to the exit code.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use schema::Fault;
use schema::handle::Handle;
use schema::limits::DRAIN;
use tokio::net::TcpListener;

use super::config::Config;
use super::exit::{EXIT_CONFIG, EXIT_OK, EXIT_OTHER_DAEMON};
use super::ground::{self, GroundError};
use super::handle::HandleFile;
use super::lifetime::{self, End, Signals};
use super::lock::{DaemonLock, LockError};
use super::{log, places};
use crate::serve::front::{Front, Identity, Stage};
use crate::serve::token::{Token, random_hex};
use crate::serve::{http, socket};

/// The system's temporary folder, whatever TMPDIR says.
const TEMPORARY: &str = "/tmp";

/// How long connections may take to end after the drain.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// Why the daemon did not start, and its exit code.
#[derive(Debug, thiserror::Error)]
#[error("{words}")]
pub struct StartError {
    /// Plain words; the bridge shows the last ones.
    pub words: String,
    /// The exit code.
    pub exit: u8,
}

impl StartError {
    fn config(error: &(dyn std::error::Error + 'static)) -> Self {
        Self {
            words: Fault::chain(error),
            exit: EXIT_CONFIG,
        }
    }
}

/// Runs the daemon to its end and gives the exit code.
pub async fn run(config: Config) -> Result<u8, StartError> {
    // The folder of the lock must be there; nothing else is touched before it
    // is held.
    places::make(&config).map_err(|error| StartError::config(&error))?;
    let _lock = DaemonLock::take(&config.place.daemon_lock).map_err(|error| match error {
        LockError::Held(_) => StartError {
            words: error.to_string(),
            exit: EXIT_OTHER_DAEMON,
        },
        LockError::Io(..) => StartError::config(&error),
    })?;
    log::start(
        config.place.data_folder(),
        config.log_json,
        config.log_level,
    )
    .map_err(|error| StartError::config(&error))?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    let mut signals = Signals::take().map_err(|error| StartError::config(&error))?;
    let front = front(&config)?;
    let doors = open_doors(&config, &front).await?;
    let outcome = live(&config, &front, &mut signals).await;
    close(&front).await;
    doors.remove();
    tracing::info!(?outcome, "the daemon ends");
    outcome
}

fn front(config: &Config) -> Result<Arc<Front>, StartError> {
    let random = |error: getrandom::Error| StartError::config(&error);
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").into(),
        instance: random_hex::<8>().map_err(random)?,
        pid: std::process::id(),
        state_path: config.place.state.clone(),
        stopped_marker: config.place.stopped_marker.clone(),
        accepted_keys: config.place.known_hosts.clone(),
        instructions: schema::tools::INSTRUCTIONS.into(),
        format: config.format,
        toolsets: config.file.toolsets.clone().unwrap_or_default(),
    };
    Ok(Front::new(identity, Token::generate().map_err(random)?))
}

/// The files that lead to this daemon.
struct Doors {
    handle: Arc<HandleFile>,
    socket: PathBuf,
}

impl Doors {
    fn remove(&self) {
        self.handle.remove();
        if let Err(error) = std::fs::remove_file(&self.socket) {
            tracing::warn!(%error, "the socket was not removed");
        }
    }
}

/// Listens, writes the handle, and accepts from then on.
async fn open_doors(config: &Config, front: &Arc<Front>) -> Result<Doors, StartError> {
    let (listener, socket) = socket::listen(&config.place.socket, Path::new(TEMPORARY))
        .map_err(|error| StartError::config(&error))?;
    let http = listen_http(config).await?;
    let address = http
        .as_ref()
        .and_then(|listener| listener.local_addr().ok());
    let handle = Handle {
        addr: address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        socket: socket.display().to_string(),
        token: front.token.secret().clone(),
        pid: front.identity.pid,
        version: front.identity.version.clone(),
        instance: front.identity.instance.clone(),
    };
    // A named address is the person's to remember.
    let port = address.filter(|_| config.address.is_none());
    let noted = [
        places::note_where(config),
        port.map_or(Ok(()), |address| {
            places::remember_port(config, address.port())
        }),
    ];
    for error in noted.into_iter().filter_map(Result::err) {
        tracing::warn!(%error, "a note for the next start was not written");
    }
    // A daemon that runs is not stopped.
    std::fs::remove_file(&config.place.stopped_marker).ok();
    let written = HandleFile::write(&config.place.handle, handle)
        .map_err(|error| StartError::config(&error))?;
    let written = Arc::new(written);
    let (watched, stop) = (Arc::clone(&written), front.stop.clone());
    front.tasks.spawn(async move { watched.watch(&stop).await });
    front
        .tasks
        .spawn(socket::accept(Arc::clone(front), listener));
    if let Some(listener) = http {
        front.tasks.spawn(http::serve(Arc::clone(front), listener));
    }
    tracing::info!(
        version = front.identity.version,
        pid = front.identity.pid,
        ?address,
        "the daemon serves"
    );
    Ok(Doors {
        handle: written,
        socket,
    })
}

async fn listen_http(config: &Config) -> Result<Option<TcpListener>, StartError> {
    if !config.http {
        return Ok(None);
    }
    match http::listen(config.address, places::remembered_port(config)).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if config.address.is_some() => Err(StartError::config(&error)),
        // Nobody named an address: the local socket serves without HTTP.
        Err(error) => {
            tracing::warn!("no HTTP: {}", Fault::chain(&error));
            Ok(None)
        }
    }
}

/// Opens the ground and waits for the end.
async fn live(
    config: &Config,
    front: &Arc<Front>,
    signals: &mut Signals,
) -> Result<u8, StartError> {
    match ground::open(config).await {
        Ok(tools) => front.set_stage(Stage::Ready(tools)),
        Err(GroundError::Refusing { reason }) => {
            tracing::error!("refusing: {reason}");
            front.set_stage(Stage::Refusing(reason));
        }
        Err(GroundError::Fatal { reason, exit }) => {
            return Err(StartError {
                words: reason,
                exit,
            });
        }
    }
    let end = lifetime::wait(front, signals, config.idle_exit).await;
    tracing::info!(?end, "stopping");
    if let Stage::Refusing(words) = front.stage() {
        let exit = EXIT_CONFIG;
        return match end {
            End::Asked => Ok(EXIT_OK),
            End::Idle | End::RefusedLong => Err(StartError { words, exit }),
        };
    }
    Ok(EXIT_OK)
}

/// Accepts nothing new, lets calls end, and closes every connection.
async fn close(front: &Arc<Front>) {
    front.stop.cancel();
    if let Stage::Ready(tools) = front.stage() {
        tools.drain(DRAIN).await;
    }
    front.close.cancel();
    front.tasks.close();
    if tokio::time::timeout(CLOSE_WAIT, front.tasks.wait())
        .await
        .is_err()
    {
        tracing::warn!(left = front.tasks.len(), "connections were cut off");
    }
}
