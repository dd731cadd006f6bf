//! The small POSIX sh preamble for what a server takes in no other way: a
//! working folder, and environment that it refuses. Environment is fed on stdin
//! and never stands in a command line, where the host's `ps` would show it.

use std::fmt::Write;

/// What to send: a command, and what to feed before the caller's own stdin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Preamble {
    pub(super) command: String,
    pub(super) fed: Vec<u8>,
}

/// A preamble that sets `env`, enters `cwd` and becomes `command` in the
/// user's own shell.
pub(super) fn preamble<'a>(
    env: impl IntoIterator<Item = (&'a str, &'a str)>,
    cwd: Option<&str>,
    command: &str,
) -> Preamble {
    let mut script = String::new();
    for (name, value) in env {
        // Writing to a String cannot fail.
        let _infallible = writeln!(script, "export {name}={}", quoted(value));
    }
    if let Some(cwd) = cwd {
        let _infallible = writeln!(script, "cd -- {} || exit 1", folder(cwd));
    }
    let _infallible = write!(
        script,
        "exec \"${{SHELL:-/bin/sh}}\" -c {}",
        quoted(command)
    );
    fed(script)
}

/// What has sh run `script`, which finds on stdin what is fed after it.
pub(super) fn fed(script: String) -> Preamble {
    let count = script.len();
    Preamble {
        // `dd bs=1` takes exactly its share of stdin, so that the rest is the
        // command's; the quotes hold in sh, bash, zsh, fish and csh alike.
        command: format!("exec sh -c 'eval \"$(dd bs=1 count={count} 2>/dev/null)\"'"),
        fed: script.into_bytes(),
    }
}

/// The same for a folder alone, as one line and nothing to feed: sshd lets no
/// input in before the command runs, so feeding costs a round trip more. None
/// where shells disagree about a character (fish about `\`, csh about `!` and
/// line ends).
pub(super) fn in_folder(cwd: &str, command: &str) -> Option<String> {
    let is_odd = |text: &str| text.contains(['\\', '!', '\n', '\r', '\0']);
    if is_odd(cwd) || is_odd(command) {
        return None;
    }
    let (enter, named) = match cwd.strip_prefix("~/") {
        Some(rest) => ("\"$HOME/$1\"", rest),
        None if cwd == "~" => ("\"$HOME\"", ""),
        None => ("\"$1\"", cwd),
    };
    Some(format!(
        "exec sh -c 'cd -- {enter} || exit 1; exec \"${{SHELL:-/bin/sh}}\" -c \"$2\"' sh {} {}",
        quoted(named),
        quoted(command)
    ))
}

/// Whether a shell can export a variable of this name.
pub fn is_variable_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && letters.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// In single quotes, for any Bourne shell.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A folder, with a leading `~/` as the login folder.
pub(super) fn folder(path: &str) -> String {
    match path.strip_prefix("~/") {
        Some(rest) => format!("\"$HOME\"/{}", quoted(rest)),
        None if path == "~" => "\"$HOME\"".into(),
        None => quoted(path),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    use super::*;

    fn run(preamble: &Preamble, stdin: &str) -> String {
        let mut child = Command::new("sh")
            .args(["-c", &preamble.command])
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut feed = child.stdin.take().unwrap();
        feed.write_all(&preamble.fed).unwrap();
        feed.write_all(stdin.as_bytes()).unwrap();
        drop(feed);
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    }

    #[test]
    fn a_preamble_sets_the_environment_and_folder_and_leaves_stdin_alone() {
        let odd = "it's $HOME `id` \"quoted\"\nand a second line";
        let made = preamble([("ODD", odd)], Some("/"), "pwd; printf '%s|' \"$ODD\"; cat");
        assert_eq!(run(&made, "the rest"), format!("/\n{odd}|the rest"));
        assert!(!made.command.contains("ODD"));
    }

    #[test]
    fn a_folder_that_is_not_there_runs_nothing() {
        let made = preamble([], Some("/does/not/exist"), "echo ran");
        assert_eq!(run(&made, ""), "");
    }

    #[test]
    fn a_folder_alone_is_one_line_with_nothing_to_feed() {
        let command = "pwd; printf '%s|' \"it's $((1 + 1))\"; cat";
        let made = |command| Preamble {
            command,
            fed: Vec::new(),
        };
        let there = in_folder("/usr/../tmp", command).unwrap();
        assert_eq!(run(&made(there), "in"), "/tmp\nit's 2|in");
        assert_eq!(run(&made(in_folder("/no/such", command).unwrap()), ""), "");
        for (cwd, there) in [("~", "/usr\n"), ("~/share", "/usr/share\n")] {
            let at = in_folder(cwd, "pwd").unwrap();
            assert_eq!(run(&made(format!("HOME=/usr; {at}")), ""), there);
        }
        for odd in ["a\\b", "a!b", "a\nb"] {
            assert_eq!(in_folder("/", odd), None);
            assert_eq!(in_folder(odd, "pwd"), None);
        }
    }

    #[test]
    fn only_names_that_a_shell_can_export_are_names() {
        assert!(is_variable_name("_A1"));
        for bad in ["", "1A", "A-B", "A B", "A;id", "Ä"] {
            assert!(!is_variable_name(bad), "{bad}");
        }
    }
}
