//! The task behind a shell: its terminal on a session's link, and afterwards the
//! time for which what it printed can still be read.

use std::sync::Arc;

use schema::Fault;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::handle::Shell;
use super::registry::{ENDED_STAY, Shells};
use crate::link::{Connection, LinkError, Pty, TerminalOrder};

/// Runs `shell`'s terminal to its end and tells it. An error means that it was
/// never opened, and it is forgotten at once.
pub async fn drive(
    shell: Arc<Shell>,
    connection: Arc<Connection>,
    pty: Pty,
    mut orders: mpsc::Receiver<TerminalOrder>,
    shells: Shells,
) -> Result<(), LinkError> {
    let running = connection.run_pty(pty, shell.as_ref(), &mut orders);
    tokio::select! {
        ended = running => match ended {
            Ok(ended) => shell.channel_ended(&ended),
            Err(error) => {
                shells.remove(&shell);
                shell.ended(End::lost(Fault::chain(&error)));
                return Err(error);
            }
        },
        // Its channel is closed, and sshd hangs up on what runs in it.
        () = shell.closing().cancelled() => shell.ended(End::default()),
    }
    Ok(())
}

/// Forgets an ended shell after a while.
pub async fn forget_later(shell: Arc<Shell>, shells: Shells, stopping: CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(ENDED_STAY) => shells.remove(&shell),
        () = stopping.cancelled() => {}
    }
}
