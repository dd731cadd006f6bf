//! `ssh_shell_open`.

use std::sync::Arc;

use schema::limits::SESSION_WAIT;
use schema::tools::shell::SshShellOpen;
use schema::{Code, Fault, Id};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::info::info;
use crate::link::{
    Connection, HeldOpen, LinkError, Links, Mark, Pty, TerminalOrder, is_variable_name,
};
use crate::sessions::Session;
use crate::shell::{
    End, Facts, HeldError, HeldShells, NoRoom, Owner, Shell, Shells, drive, forget_later,
};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::connect::{agent_of, or_cancelled};

/// A terminal's rows and columns at most.
const SIZE_MAX: u32 = 1_000;

pub(in crate::tools::families) async fn open(
    tools: &Tools,
    ask: SshShellOpen,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let (rows, cols) = size(ask.rows.unwrap_or(24), ask.cols.unwrap_or(80))?;
    let session = tools.parts.sessions.get(&ask.session_id)?;
    let facts = Facts {
        owner: Owner::Session(ask.session_id.to_string()),
        id: ask.shell_id.to_string(),
        opened_at: tools.parts.clock.now(),
        is_durable: ask.durable == Some(true),
        is_restored: false,
    };
    let pty = Pty {
        term: ask.term.unwrap_or_else(|| "xterm-256color".into()),
        rows,
        cols,
        command: ask.command,
        env: ask.env.unwrap_or_default(),
        is_awaited: false,
        agent: agent_of(caller),
    };
    let opening = async {
        if facts.is_durable {
            hold(tools, &session, facts, pty).await
        } else {
            start(tools, &session, facts, pty).await
        }
    };
    let shell = or_cancelled(caller, opening).await?;
    Answer::record(&info(&shell))
}

/// Opens the terminal. A link that turns out dead before is dialled anew, once,
/// and one that turns out to have no place is left for another: nothing ran.
async fn start(
    tools: &Tools,
    session: &Session,
    facts: Facts,
    pty: Pty,
) -> Result<Arc<Shell>, Fault> {
    let deadline = Instant::now() + SESSION_WAIT;
    let parts = &tools.parts;
    let mut is_second = false;
    loop {
        let left = deadline.duration_since(Instant::now());
        let connection = session.place(left).await?;
        let (shell, orders) = Shell::new(facts.clone(), pty.rows, pty.cols);
        parts
            .shells
            .add(Arc::clone(&shell))
            .map_err(|error| no_room(&facts, &error))?;
        let driving = drive(
            Arc::clone(&shell),
            connection,
            pty.clone(),
            orders,
            parts.shells.clone(),
        );
        let forgetting = forget_later(
            Arc::clone(&shell),
            parts.shells.clone(),
            parts.stopping.clone(),
        );
        let stopping = parts.stopping.clone();
        let (tell, failed) = oneshot::channel();
        parts.tasks.spawn(async move {
            let driven = tokio::select! {
                driven = driving => driven,
                // The link goes with the daemon.
                () = stopping.cancelled() => return,
            };
            match driven {
                Ok(()) => forgetting.await,
                Err(error) => drop(tell.send(error)),
            }
        });
        // Given up, it is closed again.
        let closing = shell.closing().clone().drop_guard();
        let error = tokio::select! {
            () = shell.opened().cancelled() => {
                closing.disarm();
                return Ok(shell);
            }
            failed = failed => match failed {
                Ok(error) => error,
                Err(_ended) => {
                    closing.disarm();
                    return Ok(shell);
                }
            },
        };
        match error.code() {
            Code::Busy if Instant::now() < deadline => {}
            Code::NotConnected if !is_second => is_second = true,
            _ => return Err(not_opened(&facts, &error)),
        }
    }
}

/// Opens a shell under a holder on the host, and follows it.
async fn hold(
    tools: &Tools,
    session: &Session,
    facts: Facts,
    pty: Pty,
) -> Result<Arc<Shell>, Fault> {
    if let Some(odd) = pty.env.keys().find(|name| !is_variable_name(name)) {
        let words = format!("ssh_shell_open: no shell exports `{}`", odd.escape_debug());
        return Err(Fault::new(Code::InvalidArgument, words).next("take another name in env"));
    }
    let parts = &tools.parts;
    let connection = session.place(SESSION_WAIT).await?;
    let (shell, orders) = Shell::new(facts.clone(), pty.rows, pty.cols);
    parts
        .shells
        .add(Arc::clone(&shell))
        .map_err(|error| no_room(&facts, &error))?;
    let open = HeldOpen {
        mark: Mark::fresh(),
        label: format!("{} on {}", facts.id, session.id()),
        term: pty.term,
        rows: pty.rows,
        cols: pty.cols,
        env: pty.env,
        command: pty.command,
    };
    let (tell, told) = oneshot::channel();
    let opening = hold_or_end(
        (parts.held_shells.clone(), parts.shells.clone()),
        session.id().clone(),
        (Arc::clone(&shell), orders),
        (open, connection, session.links()),
        tell,
    );
    let stopping = parts.stopping.clone();
    parts.tasks.spawn(async move {
        tokio::select! {
            () = opening => {}
            // It is in the state, and followed when the daemon is back.
            () = stopping.cancelled() => {}
        }
    });
    let Ok(opened) = told.await else {
        return Err(Fault::new(Code::Cancelled, "the daemon stops"));
    };
    if let Err(error) = opened {
        if let Some(link) = error.link() {
            return Err(not_opened(&facts, link));
        }
        let words = format!("the shell {} was not opened: {error}", facts.id);
        return Err(
            Fault::new(Code::Unavailable, words).next("make room on the disk and try again")
        );
    }
    Ok(shell)
}

/// Opens a listed shell on its host. Whoever waits for that may go away; then it is
/// ended again.
async fn hold_or_end(
    (held, shells): (HeldShells, Shells),
    session_id: Id,
    (shell, orders): (Arc<Shell>, mpsc::Receiver<TerminalOrder>),
    (open, connection, links): (HeldOpen, Arc<Connection>, Links),
    tell: oneshot::Sender<Result<(), HeldError>>,
) {
    let listed = (Arc::clone(&shell), orders);
    let opened = held
        .open(&session_id, listed, open, &connection, links)
        .await;
    if let Err(error) = &opened {
        shells.remove(&shell);
        shell.ended(End::lost(error.to_string()));
    }
    if tell.send(opened).is_ok() || shell.end().is_some() {
        return;
    }
    if let Err(error) = held.close(&shell).await {
        let id = &shell.facts().id;
        tracing::warn!(%id, %error, "a shell whose opening was given up goes on");
    }
}

fn not_opened(facts: &Facts, error: &LinkError) -> Fault {
    let words = format!(
        "the shell {} did not open: {}",
        facts.id,
        Fault::chain(error)
    );
    Fault::new(error.code(), words).next(error.next_step())
}

fn no_room(facts: &Facts, error: &NoRoom) -> Fault {
    let words = format!("the shell {} was not opened: {error}", facts.id);
    match error {
        NoRoom::Taken => Fault::new(Code::AlreadyExists, words)
            .next("go on in it (ssh_shell_run), close it (ssh_shell_close), or take another id"),
        NoRoom::TooMany => Fault::new(Code::Busy, words).next("ssh_shell_close some"),
    }
}

/// A terminal's size.
pub(super) fn size(rows: u32, cols: u32) -> Result<(u16, u16), Fault> {
    let checked = |name: &str, size: u32| match u16::try_from(size) {
        Ok(small) if (1..=SIZE_MAX).contains(&size) => Ok(small),
        _ => {
            let words = format!("{name} is {size}, and can be 1 to {SIZE_MAX}");
            Err(Fault::new(Code::InvalidArgument, words).next("24 rows and 80 cols are usual"))
        }
    };
    Ok((checked("rows", rows)?, checked("cols", cols)?))
}
