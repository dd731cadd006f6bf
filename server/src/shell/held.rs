//! A shell under a holder on its host, followed by whatever link there is: what it
//! prints is read from where it was left, and an attached terminal types.

use std::sync::Arc;
use std::time::Duration;

use schema::Fault;
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::handle::Shell;
use crate::link::{
    Connection, HeldEnd, HeldSink, LinkError, Links, Mark, OutputSink, Pty, Stream, TerminalOrder,
    attach, living,
};

/// How soon the host is asked again, and at most, while that does not help.
const AGAIN: Duration = Duration::from_secs(1);
const AGAIN_MAX: Duration = Duration::from_mins(1);

/// How often a host must say that the shell is gone.
const GONE_TIMES: u32 = 3;

/// What a held shell needs to go on, while no link does it for it.
#[derive(Debug)]
pub(super) struct Resting {
    pub(super) shell: Arc<Shell>,
    pub(super) mark: Mark,
    /// Where it runs, see [`Connection::host`].
    pub(super) host: String,
    pub(super) orders: mpsc::Receiver<TerminalOrder>,
}

/// Why a held shell is not followed any more.
#[derive(Debug)]
pub(super) enum Left {
    /// It ended so, which nobody was told yet.
    Ended(End),
    /// Somebody closed it, and tells.
    Closed,
    /// The links of its session have ended for good.
    Unlinked(Resting),
}

/// Follows the shell until it ends, is closed, or no link leads to it.
pub(super) async fn follow(mut resting: Resting, links: Links) -> Left {
    let mut state = links.state.clone();
    let closing = resting.shell.closing().clone();
    let (mut wait, mut gone) = (AGAIN, 0);
    loop {
        let connection = tokio::select! {
            biased;
            () = closing.cancelled() => return Left::Closed,
            link = living(&mut state) => match link {
                Some(connection) => connection,
                None => return Left::Unlinked(resting),
            },
        };
        if connection.host() != resting.host {
            tracing::warn!(
                shell = resting.shell.facts().id,
                "its session leads to another host"
            );
            rest(&connection, AGAIN_MAX, &closing).await;
            continue;
        }
        let before = resting.shell.taken();
        let looked = tokio::select! {
            biased;
            () = closing.cancelled() => return Left::Closed,
            looked = look(&mut resting, &connection, &links) => looked,
        };
        if resting.shell.taken() != before {
            (wait, gone) = (AGAIN, 0);
        }
        match looked {
            Ok(HeldEnd::Exited(status)) => {
                let exit_code = Some(i32::try_from(status).unwrap_or(i32::MAX));
                return Left::Ended(End {
                    exit_code,
                    ..End::default()
                });
            }
            Ok(HeldEnd::Gone(why)) => {
                gone += 1;
                if gone >= GONE_TIMES {
                    return Left::Ended(End::lost(why));
                }
                rest(&connection, AGAIN, &closing).await;
            }
            Err(error) => {
                tracing::info!(shell = resting.shell.facts().id, %error, "a shell is not followed");
                rest(&connection, wait, &closing).await;
                wait = (wait * 2).min(AGAIN_MAX);
            }
        }
    }
}

/// Reads on over one link, with a terminal attached.
async fn look(
    resting: &mut Resting,
    connection: &Arc<Connection>,
    links: &Links,
) -> Result<HeldEnd, LinkError> {
    let news = Notify::new();
    let (shell, mark) = (Arc::clone(&resting.shell), resting.mark.clone());
    let watching = connection.watch_held(&mark, shell.taken(), shell.as_ref(), &news);
    let attaching = stay_attached(resting, links, &news);
    tokio::select! {
        ended = watching => ended,
        never = attaching => match never {},
    }
}

/// Keeps a terminal attached that types for us. What it shows is the holder's
/// picture: it says only that there is something new.
async fn stay_attached(
    resting: &mut Resting,
    links: &Links,
    news: &Notify,
) -> std::convert::Infallible {
    let shell = Arc::clone(&resting.shell);
    loop {
        if let Some(connection) = (links.place)().await {
            let (rows, cols) = shell.size();
            let pty = Pty {
                term: "xterm-256color".into(),
                rows,
                cols,
                command: Some(attach(&resting.mark)),
                env: std::collections::BTreeMap::new(),
                is_awaited: true,
                agent: None,
            };
            let attached = Attached {
                news,
                shell: &shell,
            };
            let ended = connection
                .run_pty(pty, &attached, &mut resting.orders)
                .await;
            tracing::debug!(shell = shell.facts().id, ?ended, "its terminal is detached");
        }
        news.notify_one();
        sleep(AGAIN).await;
    }
}

/// Waits a while, or until the link ends or somebody ends the shell.
async fn rest(connection: &Connection, wait: Duration, closing: &CancellationToken) {
    tokio::select! {
        () = connection.closed().cancelled() => {}
        () = closing.cancelled() => {}
        () = sleep(wait) => {}
    }
}

/// A terminal that is attached while this lives. Says that something was printed.
struct Attached<'a> {
    news: &'a Notify,
    shell: &'a Shell,
}

impl OutputSink for Attached<'_> {
    fn sent(&self) {
        self.shell.set_attached(true);
    }

    fn write(&self, _stream: Stream, _bytes: &[u8]) {
        self.news.notify_one();
    }
}

impl Drop for Attached<'_> {
    fn drop(&mut self) {
        self.shell.set_attached(false);
    }
}

impl HeldSink for Shell {
    fn lost(&self, bytes: u64) {
        self.skip(bytes);
    }
}

/// Why a held shell was not ended.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// Its host is not reached.
    #[error("its host is not reached now, and it goes on there")]
    NoLink,
    /// Its session leads elsewhere by now.
    #[error("its session leads to another host now, and it goes on where it is")]
    Elsewhere,
    /// The host did not do it.
    #[error("{}", Fault::chain(.0))]
    Link(#[from] LinkError),
    /// The state could not be written.
    #[error("{}", Fault::chain(.0))]
    Store(#[from] storage::state::CommitError),
}
