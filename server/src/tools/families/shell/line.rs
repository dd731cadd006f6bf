//! `ssh_shell_run`.

use std::time::Duration;

use schema::limits::CALL_TIMEOUT_MS;
use schema::tools::shell::{OnSession, RunState, ShellRan, ShellRun};
use schema::{Code, Fault};
use serde_json::json;
use tokio::time::Instant;

use super::find::find;
use super::keys::not_typed;
use crate::shell::{LeftOut, Ran, RanState, RunError, Shell, TypeError};
use crate::tools::answer::{Answer, Begin, Gap, More};
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::finish::room;

/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// How long a program may take to read that.
const INTERRUPT_WAIT: Duration = Duration::from_secs(2);

pub(in crate::tools::families) async fn run(
    tools: &Tools,
    ask: ShellRun<OnSession>,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let shell = find(&tools.parts, &ask.owner.session_id, &ask.shell_id)?;
    let deadline = Instant::now() + caller.patience(ask.timeout_ms, CALL_TIMEOUT_MS);
    // A fifth is for what escaping adds.
    let room = room(tools, caller, None) / 5 * 4;
    let ran = tokio::select! {
        ran = shell.run_line(&ask.command, deadline, room) => ran,
        () = caller.cancelled.cancelled() => {
            interrupt(&shell).await;
            let words = "the client cancelled the call; Ctrl-C was typed";
            return Err(Fault::new(Code::Cancelled, words));
        }
        // The line goes on, and what it prints is there to be read.
        () = caller.vanished.cancelled() => return Ok(Answer::text("")),
    };
    match ran {
        Ok(ran) => answer(&shell, &ask, ran),
        Err(error) => Err(not_run(&shell, &error)),
    }
}

fn answer(shell: &Shell, ask: &ShellRun<OnSession>, ran: Ran) -> Result<Answer, Fault> {
    let owner = (&ask.owner.session_id, &ask.shell_id);
    let call = |cursor: u64| {
        let (session_id, shell_id) = owner;
        let read = json!({"session_id": session_id, "shell_id": shell_id, "cursor": cursor});
        format!("ssh_shell_read {read}")
    };
    let (mut output, gap) = match ran.left_out {
        Some(left_out) => with_gap(&ran.output, left_out, &call(left_out.cursor)),
        None => (ran.output, None),
    };
    let (state, exit_code, cwd) = match ran.state {
        RanState::Done { status, cwd } => (RunState::Done, status, cwd),
        RanState::Running => (RunState::Running, None, String::new()),
        RanState::Waiting(words) => {
            let words = words.replace("shell_", "ssh_shell_");
            output = format!("{}\n[{words}]", output.trim_end_matches([' ', '\n']));
            (RunState::WaitingForInput, None, String::new())
        }
    };
    if let Some(end) = shell.end() {
        let how = match (end.exit_code, end.lost_reason.as_str()) {
            (Some(code), _) => format!("the shell ended with exit code {code}"),
            (None, "") => "the shell was closed".to_owned(),
            (None, reason) => format!("the shell was lost: {reason}; the line's end is unknown"),
        };
        output = format!("{}\n[{how}]", output.trim_end_matches('\n'));
    }
    let mut answer = Answer::record(&ShellRan {
        state,
        output,
        exit_code,
        cwd,
    })?;
    answer.exit_code = exit_code.map(i64::from);
    // What a limit cuts of it is read from its beginning on.
    answer.more = More {
        call: call(ran.begins_at),
        begins: vec![Begin {
            field: "output",
            offset: ran.begins_at,
            is_exact: false,
            gap,
        }],
    };
    Ok(answer)
}

/// Puts the words for what is left out into a long output.
fn with_gap(output: &str, left_out: LeftOut, call: &str) -> (String, Option<Gap>) {
    let LeftOut {
        at, bytes, lost, ..
    } = left_out;
    let (begin, end) = output.split_at_checked(at).unwrap_or((output, ""));
    let begin = begin.trim_end_matches('\n');
    let how = match lost {
        0 => format!("; to read it: {call}"),
        lost if lost < bytes => {
            format!("; to read it: {call}, but for its first {lost} bytes, which are not kept")
        }
        _ => ", which are not kept".to_owned(),
    };
    let words = format!("\n[... {bytes} bytes left out{how} ...]\n");
    let gap = Gap {
        at: begin.len(),
        words: words.len(),
        left_out: bytes,
    };
    (format!("{begin}{words}{end}"), Some(gap))
}

async fn interrupt(shell: &Shell) {
    let limit = Instant::now() + INTERRUPT_WAIT;
    if let Err(error) = shell.type_in(vec![INTERRUPT], limit).await {
        tracing::debug!(%error, "a cancelled line was not interrupted");
    }
}

fn not_run(shell: &Shell, error: &RunError) -> Fault {
    let id = &shell.facts().id;
    let (code, next) = match error {
        RunError::Type(error) => return not_typed(shell, error),
        RunError::NotReady(error) => return not_ready(shell, error),
        RunError::Unfinished => (
            Code::Busy,
            "ssh_shell_write types its rest, or \\u0003 (Ctrl-C), which gives it up",
        ),
        RunError::Asks(_) => (
            Code::Busy,
            "ssh_shell_read shows what is there, ssh_shell_write types into it",
        ),
        RunError::Unsure => (
            Code::Busy,
            "ssh_shell_read shows what it printed; ssh_shell_write types into it: \\n has a shell \
             show its prompt, \\u0003 (Ctrl-C) ends what runs",
        ),
        RunError::Busy => (
            Code::Busy,
            "an empty command waits for its end; ssh_shell_read shows what it prints, \
             ssh_shell_write answers it or types \\u0003 (Ctrl-C)",
        ),
        RunError::Idle => (Code::InvalidArgument, "command is what to run"),
        RunError::Unknown { .. } => (
            Code::Unavailable,
            "ssh_shell_write and ssh_shell_read work with any program",
        ),
        RunError::NoAnswer => (
            Code::Unavailable,
            "ssh_shell_read with view screen shows what is there, ssh_shell_write types into it",
        ),
        RunError::Unrunnable(_) => (
            Code::InvalidArgument,
            "ssh_shell_write types keys; ssh_exec with stdin takes long scripts",
        ),
    };
    let words = error.to_string().replace("shell_", "ssh_shell_");
    Fault::new(code, format!("the shell {id}: {words}")).next(next)
}

/// What goes before a line was not typed, and so the line was not.
fn not_ready(shell: &Shell, error: &TypeError) -> Fault {
    let mut fault = not_typed(shell, error);
    if fault.code == Code::OutcomeUnknown {
        fault.code = Code::NotConnected;
    }
    fault.message.push_str("; the line itself was not typed");
    fault
}
