//! `ssh_shell_read`.

use std::time::Duration;

use regex_lite::Regex;
use schema::tools::shell::{OnSession, ShellOutput, ShellRead, View as Named};
use schema::{Code, Fault};
use tokio::time::Instant;

use super::find::find;
use crate::shell::{Shell, View, Wanted};
use crate::tools::answer::Answer;
use crate::tools::caller::{Caller, Reach};
use crate::tools::desk::Tools;
use crate::tools::families::finish::room;

/// What a caller waits for that names nothing, and at most, in milliseconds.
const WAIT_MS: i64 = 1_000;
const WAIT_MAX_MS: i64 = 300_000;

/// What the fields beside the data take, in bytes.
const OTHER_FIELDS: usize = 300;

pub(in crate::tools::families) async fn read(
    tools: &Tools,
    ask: ShellRead<OnSession>,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let wait = milliseconds("timeout_ms", ask.timeout_ms.unwrap_or(WAIT_MS))?;
    let quiet = ask.quiet_ms.map(|ms| milliseconds("quiet_ms", ms));
    let until = ask.until.as_deref().map(Regex::new).transpose();
    let until = until.map_err(|error| {
        let words = format!("ssh_shell_read: until is no regex: {error}");
        Fault::new(Code::InvalidArgument, words)
    })?;
    let asked = ask.max_bytes.and_then(|bytes| usize::try_from(bytes).ok());
    let room = room(tools, caller, None);
    let view = match (ask.view, caller.reach) {
        (Some(Named::Raw), _) | (None, Reach::Rpc) => View::Raw,
        (Some(Named::Screen), _) => View::Screen,
        (Some(Named::Text) | None, _) => View::Text,
    };
    let wanted = Wanted {
        cursor: ask.cursor,
        most: asked.unwrap_or(room),
        until,
        quiet: quiet.transpose()?,
        view,
    };
    let shell = find(&tools.parts, &ask.owner.session_id, &ask.shell_id)?;
    tokio::select! {
        () = shell.await_output(&wanted, Instant::now() + wait) => {}
        () = caller.cancelled.cancelled() => {
            return Err(Fault::new(Code::Cancelled, "the client cancelled the call"));
        }
        // Nobody is told, so nothing counts as read.
        () = caller.vanished.cancelled() => return Ok(Answer::text("")),
    }
    let limit = room.max(asked.unwrap_or(0).saturating_mul(2));
    let fits = |data: &str| {
        let written = serde_json::to_string(data).map_or(data.len(), |text| text.len());
        written + OTHER_FIELDS <= limit
    };
    let mut seen = shell.read(&wanted, fits);
    if seen.eof && view != View::Raw {
        seen.data.push_str(&loss(&shell));
    }
    let mut answer = Answer::record(&ShellOutput {
        data: seen.data,
        eof: seen.eof,
        cursor: seen.cursor,
        lost_bytes: seen.lost_bytes,
        exit_code: seen.exit_code,
    })?;
    answer.max_bytes = Some(limit + OTHER_FIELDS);
    answer.exit_code = seen.exit_code.map(i64::from);
    Ok(answer)
}

/// Why a shell is gone that nobody ended.
fn loss(shell: &Shell) -> String {
    match shell.end() {
        Some(end) if !end.lost_reason.is_empty() => {
            format!("\n[the shell was lost: {}]\n", end.lost_reason)
        }
        _ => String::new(),
    }
}

fn milliseconds(name: &str, ms: i64) -> Result<Duration, Fault> {
    match u64::try_from(ms) {
        Ok(ms_whole) if ms <= WAIT_MAX_MS => Ok(Duration::from_millis(ms_whole)),
        _ => {
            let words = format!("ssh_shell_read: {name} is {ms}, and can be 0 to {WAIT_MAX_MS}");
            Err(Fault::new(Code::InvalidArgument, words).next("0 does not wait"))
        }
    }
}
