//! Environment for a terminal's shell that the server does not take: a small sh
//! reads it from the terminal, with the echo off, and becomes the login shell.
//! So it stands in no command line, where the host's `ps` would show it.

use std::fmt::Write;

use super::remote_script::quoted;

/// What the small sh says when it listens: no shell prints it by itself.
const READY: &[u8] = b"\x1b]7717;listening\x07";

/// What to run on the terminal, and what to type once it listens.
#[derive(Debug)]
pub(super) struct ExportingShell {
    pub(super) command: String,
    pub(super) fed: Vec<u8>,
}

impl ExportingShell {
    /// One that exports `env` and becomes `command` in the user's shell, or that
    /// shell itself, as a login shell.
    pub(super) fn new<'a>(
        env: impl IntoIterator<Item = (&'a str, &'a str)>,
        command: Option<&str>,
    ) -> Self {
        let mut script = String::new();
        for (name, value) in env {
            // Writing to a String cannot fail.
            let _infallible = writeln!(script, "export {name}={}", quoted(value));
        }
        let becoming = match command {
            Some(command) => format!("exec \"${{SHELL:-/bin/sh}}\" -c {}", quoted(command)),
            None => "exec \"${SHELL:-/bin/sh}\" -l".into(),
        };
        script.push_str(&becoming);
        let count = script.len();
        // Without lines the terminal hands over any length, byte for byte; the
        // quotes hold in sh, bash, zsh, fish and csh alike.
        let command = format!(
            "exec sh -c 'a=$(stty -g); stty -echo -icanon -icrnl -isig -ixon min 1; \
             printf \"\\033]7717;listening\\007\"; \
             b=$(dd bs=1 count={count} 2>/dev/null); stty \"$a\"; unset a; eval \"$b\"'"
        );
        Self {
            command,
            fed: script.into_bytes(),
        }
    }
}

/// Whether the small sh listens; takes its word out of what was `seen`.
pub(super) fn is_ready(seen: &mut Vec<u8>) -> bool {
    let found = seen.windows(READY.len()).position(|piece| piece == READY);
    if let Some(at) = found {
        seen.drain(at..at + READY.len());
    }
    found.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_typed_and_stand_in_no_command_line() {
        let exporting = ExportingShell::new([("TOKEN", "it's")], None);
        assert!(!exporting.command.contains("it"), "{}", exporting.command);
        let fed = String::from_utf8(exporting.fed).unwrap();
        assert_eq!(
            fed,
            "export TOKEN='it'\\''s'\nexec \"${SHELL:-/bin/sh}\" -l"
        );
        assert!(exporting.command.contains(&format!("count={}", fed.len())));
    }

    #[test]
    fn the_word_may_come_in_pieces_and_is_not_shown() {
        let mut seen = b"banner\r\n\x1b]7717;list".to_vec();
        assert!(!is_ready(&mut seen));
        seen.extend_from_slice(b"ening\x07more");
        assert!(is_ready(&mut seen));
        assert_eq!(seen, b"banner\r\nmore");
    }
}
