//! The scripts of a held shell, with what they are told.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::super::durable::{IDENTITY, Mark, Unsendable, export, whole};
use super::super::marker;
use super::super::remote_script::{Preamble, fed, quoted};

const OPEN: &str = include_str!("open.sh");
const INNER: &str = include_str!("inner.sh");
const RECORDER: &str = include_str!("recorder.sh");
const FOLLOW: &str = include_str!("follow.sh");
const END: &str = include_str!("end.sh");
const LIST: &str = include_str!("list.sh");
const TMUX_SETUP: &str = include_str!("setup.conf");
const SCREEN_SETUP: &str = include_str!("screenrc");

/// A shell to open.
#[derive(Debug, Clone, Copy)]
pub(in crate::link) struct HeldScript<'a> {
    pub(in crate::link) mark: &'a Mark,
    /// For a person, on one line.
    pub(in crate::link) label: &'a str,
    pub(in crate::link) term: &'a str,
    pub(in crate::link) rows: u16,
    pub(in crate::link) cols: u16,
    pub(in crate::link) env: &'a BTreeMap<String, String>,
    /// The login shell when absent.
    pub(in crate::link) command: Option<&'a str>,
}

/// What to send; after `fed`, end of file. The answer is one to
/// [`super::super::durable::Errand::Start`].
pub(in crate::link) fn held_script(held: &HeldScript<'_>) -> Result<Preamble, Unsendable> {
    let inner = inner(held)?;
    // Lines that the one does not know the other passes over.
    let label: String = held.label.chars().filter(|c| !c.is_control()).collect();
    let all = inner.len() + RECORDER.len() + TMUX_SETUP.len() + SCREEN_SETUP.len() + label.len();
    let script = format!(
        "job_mark={mark} job_rows={rows} job_cols={cols} job_inner={inner} job_recorder={recorder} \
         job_tmux={tmux} job_screen={screen} job_fed={all}\n{IDENTITY}{OPEN}",
        mark = held.mark,
        rows = held.rows,
        cols = held.cols,
        inner = inner.len(),
        recorder = RECORDER.len(),
        tmux = TMUX_SETUP.len(),
        screen = SCREEN_SETUP.len(),
    );
    let mut made = fed(script);
    for part in [&inner, RECORDER, TMUX_SETUP, SCREEN_SETUP, &label] {
        made.fed.extend_from_slice(part.as_bytes());
    }
    Ok(made)
}

/// What runs in the terminal. Values stand in a file that goes once it is read.
fn inner(held: &HeldScript<'_>) -> Result<String, Unsendable> {
    let mut environment = String::new();
    export(held.env, &mut environment)?;
    whole("the terminal's type", held.term)?;
    let (name, mark) = (marker::NAME, held.mark);
    let term = quoted(held.term);
    // Writing to a String cannot fail.
    let _infallible = writeln!(environment, "export TERM={term} {name}={mark}");
    let becomes = match held.command {
        Some(command) => {
            whole("the command", command)?;
            format!("exec \"${{SHELL:-/bin/sh}}\" -c {}", quoted(command))
        }
        None => "exec \"${SHELL:-/bin/sh}\" -l".into(),
    };
    Ok(format!(
        "job_mark={mark} job_rows={rows} job_cols={cols}\njob_environment={environment}\n\
         job_becomes={becomes}\n{IDENTITY}{INNER}",
        rows = held.rows,
        cols = held.cols,
        environment = quoted(&environment),
        becomes = quoted(&becomes),
    ))
}

/// Tells what it printed from the offset `from` on, whenever a line on stdin asks
/// for more. Its answer goes through a [`super::super::durable::FrameParser`].
pub(in crate::link) fn watch_script(mark: &Mark, from: u64) -> Preamble {
    fed(format!("job_mark={mark} job_at={from}\n{IDENTITY}{FOLLOW}"))
}

/// Ends the shell with its holder and removes its folder. The answer is one to
/// [`super::super::durable::Errand::Signal`].
pub(in crate::link) fn end_script(mark: &Mark) -> Preamble {
    fed(format!("job_mark={mark}\n{IDENTITY}{END}"))
}

/// Tells what of ours is on the host; `mark` names this asking. Its answer goes to
/// [`super::rows()`].
pub(in crate::link) fn list_script(mark: &Mark) -> Preamble {
    fed(format!("job_mark={mark}\n{IDENTITY}{LIST}"))
}

/// Removes the folder of a job whose processes were ended. The answer is one to
/// [`super::super::durable::Errand::Signal`].
pub(in crate::link) fn remove_job_script(mark: &Mark) -> Preamble {
    fed(format!(
        "echo\necho 'remote-shell-mcp signal {mark}'\n\
         rm -rf \"$HOME/.local/state/remote-shell-mcp/jobs/{mark}\" && echo signalled\n"
    ))
}

/// The command that attaches a terminal to it. No key of it detaches, but abduco's,
/// which cannot be without one: Ctrl-^. screen keeps the size of a terminal that
/// went, until it is told another; detaching that one first (`-d -r`) costs keys. It
/// would also take Ctrl-S and Ctrl-Q for itself in the moments in which it draws anew,
/// if the terminal had flow control when it came.
pub(in crate::link) fn attach_command(mark: &Mark) -> String {
    let name = format!("rsmcp-{mark}");
    format!(
        "exec sh -c 'cd \"$HOME/.local/state/remote-shell-mcp/shells/{mark}\" && read -r h n <holder \
         && case $h in tmux) exec tmux -u -L {name} attach-session -t {name} ;; \
         screen) stty -ixon 2>/dev/null; exec screen -U -c ./setup -x {name} ;; \
         dtach) exec dtach -a ./{name} -E -z -r winch ;; \
         abduco) exec abduco -e \"$(printf \"\\036\")\" -a ./{name} ;; esac'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_program_can_be_given_is_refused_before_it_is_sent() {
        let mark = Mark::fresh();
        let made = |term, command, (name, value): (&str, &str)| {
            let env = [(name.to_owned(), value.to_owned())].into();
            let held = HeldScript {
                mark: &mark,
                label: "web",
                term,
                rows: 24,
                cols: 80,
                env: &env,
                command,
            };
            held_script(&held).map(drop)
        };
        assert_eq!(made("xterm", Some("true"), ("A", "b")), Ok(()));
        assert!(made("x\0", None, ("A", "b")).is_err());
        assert!(made("xterm", Some("a\0b"), ("A", "b")).is_err());
        assert!(made("xterm", None, ("A;id", "b")).is_err());
        assert!(made("xterm", None, ("A", "\0")).is_err());
    }
}
