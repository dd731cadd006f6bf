//! Starts a durable job on its host, at most once however often it is asked.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::marker;
use super::super::remote_script::{Preamble, fed, folder, is_variable_name, quoted};
use super::{IDENTITY, Mark};

const START: &str = include_str!("start.sh");
const HOLDER: &str = include_str!("holder.sh");
const LEADER: &str = include_str!("leader.sh");

/// A job to start.
#[derive(Debug, Clone, Copy)]
pub(in crate::link) struct Start<'a> {
    pub(in crate::link) mark: &'a Mark,
    /// Given byte for byte to the user's own shell.
    pub(in crate::link) command: &'a str,
    pub(in crate::link) env: &'a BTreeMap<String, String>,
    /// The folder it runs in; the login folder when absent.
    pub(in crate::link) cwd: Option<&'a str>,
    /// `/dev/null` when absent.
    pub(in crate::link) stdin: Option<&'a [u8]>,
}

/// Why a script cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(in crate::link) enum Unsendable {
    /// No argument or variable of a program can hold one.
    #[error("there is a NUL byte in {0}")]
    Nul(String),
    /// Of a variable.
    #[error("no shell can export a variable named {0:?}")]
    Name(String),
    /// Of a signal.
    #[error("{0:?} is no signal's name without SIG")]
    Signal(String),
}

/// What to send: after `fed`, end of file, without which nothing starts. The
/// answer is one to [`super::Errand::Start`].
pub(in crate::link) fn start_script(start: &Start<'_>) -> Result<Preamble, Unsendable> {
    let command = command_script(start)?;
    let holder = format!("{IDENTITY}{HOLDER}");
    let stdin = start.stdin.unwrap_or_default();
    let script = format!(
        "job_mark={mark} job_holder={holder} job_command={command} job_stdin={stdin} job_fed={all}\n\
         {IDENTITY}{START}",
        mark = start.mark,
        holder = holder.len(),
        command = command.len(),
        stdin = start.stdin.map_or("", |_| "yes"),
        all = holder.len() + command.len() + stdin.len(),
    );
    let mut made = fed(script);
    made.fed.extend_from_slice(holder.as_bytes());
    made.fed.extend_from_slice(command.as_bytes());
    made.fed.extend_from_slice(stdin);
    Ok(made)
}

/// What the holder runs as the leader of a session: it says who it is, leaves
/// no secrets behind and becomes the command in the user's own shell.
fn command_script(start: &Start<'_>) -> Result<String, Unsendable> {
    // In a subshell, since a name of ours might be exported already.
    let mut script = format!("(\n{IDENTITY}{LEADER})\nCDPATH= cd -- \"$HOME\" || exit 1\n");
    export(start.env, &mut script)?;
    if let Some(cwd) = start.cwd {
        whole("the working folder", cwd)?;
        let _infallible = writeln!(script, "CDPATH= cd -- {} || exit 1", folder(cwd));
    }
    whole("the command", start.command)?;
    let _infallible = write!(
        script,
        "export {}={}\nexec \"${{SHELL:-/bin/sh}}\" -c {}\n",
        marker::NAME,
        start.mark,
        quoted(start.command),
    );
    Ok(script)
}

/// Lines that export `env`.
pub(in crate::link) fn export(
    env: &BTreeMap<String, String>,
    script: &mut String,
) -> Result<(), Unsendable> {
    for (name, value) in env {
        if !is_variable_name(name) {
            return Err(Unsendable::Name(name.clone()));
        }
        whole(&format!("the variable {name}"), value)?;
        // Writing to a String cannot fail.
        let _infallible = writeln!(script, "export {name}={}", quoted(value));
    }
    Ok(())
}

/// Refuses a text that no program can be given.
pub(in crate::link) fn whole(what: &str, text: &str) -> Result<(), Unsendable> {
    let has_nul = text.contains('\0');
    has_nul
        .then(|| Unsendable::Nul(what.to_owned()))
        .map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_can_be_given_is_refused_before_it_is_sent() {
        let mark = Mark::fresh();
        let made = |command, (name, value): (&str, &str), cwd| {
            let env = [(name.to_owned(), value.to_owned())].into();
            let start = Start {
                mark: &mark,
                command,
                env: &env,
                cwd,
                stdin: None,
            };
            start_script(&start).map(drop)
        };
        assert_eq!(made("true", ("A", "b"), Some("/")), Ok(()));
        let nul = |what: &str| Err(Unsendable::Nul(what.into()));
        assert_eq!(made("tr\0ue", ("A", "b"), None), nul("the command"));
        assert_eq!(made("true", ("A", "\0"), None), nul("the variable A"));
        assert_eq!(
            made("true", ("A", ""), Some("\0")),
            nul("the working folder")
        );
        assert_eq!(
            made("true", ("A;id", ""), None),
            Err(Unsendable::Name("A;id".into()))
        );
    }
}
