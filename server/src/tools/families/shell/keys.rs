//! `ssh_shell_write`, `ssh_shell_resize` and `ssh_shell_close`.

use std::sync::Arc;
use std::time::Duration;

use schema::tools::shell::{OnSession, ShellClose, ShellResize, ShellWrite, ShellWritten};
use schema::{Code, Fault};
use tokio::time::Instant;

use super::find::find;
use super::open::size;
use crate::link::LinkError;
use crate::shell::{Owner, Shell, TypeError};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::{Parts, Tools};
use crate::tools::families::connect::or_cancelled;

/// How long a program may take to read what is typed.
const TYPE_WAIT: Duration = Duration::from_secs(15);

pub(in crate::tools::families) async fn write(
    tools: &Tools,
    ask: ShellWrite<OnSession>,
    caller: &Caller,
) -> Result<Answer, Fault> {
    if ask.secret.is_some() {
        let words = "ssh_shell_write: secret is not in this version yet";
        return Err(Fault::new(Code::Unavailable, words).next("a person types it, or data has it"));
    }
    if ask.data.is_empty() {
        let words = "ssh_shell_write: data is empty";
        return Err(Fault::new(Code::InvalidArgument, words).next("\\n alone presses Enter"));
    }
    let shell = find(&tools.parts, &ask.owner.session_id, &ask.shell_id)?;
    let bytes_written = ask.data.len() as u64;
    let limit = Instant::now() + TYPE_WAIT;
    let typing = async {
        let typed = shell.type_in(ask.data.into_bytes(), limit).await;
        typed.map_err(|error| not_typed(&shell, &error))
    };
    or_cancelled(caller, typing).await?;
    Answer::record(&ShellWritten { bytes_written })
}

pub(in crate::tools::families) async fn resize(
    tools: &Tools,
    ask: ShellResize<OnSession>,
) -> Result<Answer, Fault> {
    let (rows, cols) = size(ask.rows, ask.cols)?;
    let shell = find(&tools.parts, &ask.owner.session_id, &ask.shell_id)?;
    let resized = shell.resize(rows, cols).await;
    resized.map_err(|error| not_typed(&shell, &error))?;
    Ok(Answer::text("ok"))
}

pub(in crate::tools::families) async fn close(
    tools: &Tools,
    ask: ShellClose<OnSession>,
) -> Result<Answer, Fault> {
    let shell = find(&tools.parts, &ask.owner.session_id, &ask.shell_id)?;
    if shell.end().is_some() {
        tools.parts.shells.remove(&shell);
    }
    end(tools, &shell).await?;
    Ok(Answer::text(format!("closed {}", ask.shell_id)))
}

/// Ends a shell, a durable one with its holder.
pub(in crate::tools::families) async fn end(
    tools: &Tools,
    shell: &Arc<Shell>,
) -> Result<(), Fault> {
    if !shell.facts().is_durable || shell.end().is_some() {
        shell.close().await;
        return Ok(());
    }
    tools.parts.held_shells.close(shell).await.map_err(|error| {
        let code = error.link().map_or(Code::NotConnected, LinkError::code);
        let words = format!("the shell {} was not ended: {error}", shell.facts().id);
        Fault::new(code, words).next("ssh_connect its session, then close it again")
    })
}

/// Whether what is about to be typed seems to be a secret: history keeps its
/// length alone.
pub(in crate::tools) fn types_secret(parts: &Parts, ask: &ShellWrite<OnSession>) -> bool {
    let owner = Owner::Session(ask.owner.session_id.to_string());
    let shell = parts.shells.get(&owner, ask.shell_id.as_str());
    shell.is_some_and(|shell| shell.asks_secret())
}

/// The call without what was typed.
pub(in crate::tools) fn hides(ask: &ShellWrite<OnSession>) -> ShellWrite<OnSession> {
    ShellWrite {
        data: format!("[redacted: {} bytes]", ask.data.len()),
        ..ask.clone()
    }
}

/// Why nothing was typed into a shell.
pub(super) fn not_typed(shell: &Shell, error: &TypeError) -> Fault {
    let (id, words) = (&shell.facts().id, error.to_string());
    match error {
        TypeError::Ended => {
            let end = shell.end().unwrap_or_default();
            let how = match (end.exit_code, end.lost_reason.as_str()) {
                (Some(code), _) => format!("with exit code {code}"),
                (None, "") => "when it was closed".into(),
                (None, reason) => format!(": {reason}"),
            };
            Fault::new(
                Code::NotConnected,
                format!("the shell {id} has ended {how}"),
            )
            .next("ssh_shell_read still has what it printed; ssh_shell_open opens it anew")
        }
        TypeError::Detached { .. } => {
            Fault::new(Code::OutcomeUnknown, format!("the shell {id}: {words}"))
                .next("it lives: ssh_shell_read shows what came of it")
        }
        TypeError::NotAttached => {
            Fault::new(Code::NotConnected, format!("the shell {id}: {words}")).next(
                "it goes on on its host; ssh_info says whether its session is connected, and then \
                 it is typed again",
            )
        }
        TypeError::Stuck { .. } => Fault::new(Code::Timeout, format!("the shell {id}: {words}"))
            .next("ssh_shell_read shows what runs there; ssh_shell_close ends it"),
    }
}
