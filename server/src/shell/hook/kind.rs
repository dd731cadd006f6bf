//! The kinds of shells, and how each is hooked.

use crate::link::quoted;

const BASH: &str = include_str!("bash.sh");
const ZSH: &str = include_str!("zsh.sh");
const FISH: &str = include_str!("fish.fish");
const PLAIN: &str = include_str!("plain.sh");

/// Whether a bash has what its hook needs. An older one does not even parse it, and
/// one without a line editor has no key.
const BASH_HAS: &str =
    "[[ -o emacs || -o vi ]] && ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] > 403))";

/// How a shell is told from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Kind {
    Bash,
    Zsh,
    Fish,
    /// Another Bourne shell.
    Plain,
}

impl Kind {
    /// Of the program that a shell is, by its path or name.
    pub(in crate::shell) fn of_program(program: &str) -> Option<Self> {
        let name = program.trim_end_matches(" (deleted)");
        let name = name.rsplit('/').next().unwrap_or_default();
        let name = name.trim_start_matches('-').split('-').next()?;
        match name {
            "bash" | "rbash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            "sh" | "dash" | "ash" | "busybox" | "toybox" | "ksh" | "ksh93" | "mksh" | "oksh"
            | "lksh" | "yash" | "posh" => Some(Self::Plain),
            _ => None,
        }
    }

    /// As the hook calls it.
    pub(in crate::shell) fn named(name: &str) -> Option<Self> {
        match name {
            "bash" => Some(Self::Bash),
            "zsh" => Some(Self::Zsh),
            "fish" => Some(Self::Fish),
            "plain" => Some(Self::Plain),
            _ => None,
        }
    }
}

/// A number for a hook that no program prints by itself.
pub(in crate::shell) fn fresh_id() -> String {
    let mut bytes = [0; 8];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Then it is one that could be guessed, and no more than that.
        tracing::warn!(%error, "no randomness");
    }
    format!("{:016x}", u64::from_ne_bytes(bytes))
}

/// The line that has any shell say what program it is. It begins with a blank, so
/// that most shells keep it out of their history; its echo says something else
/// than what it prints.
pub(in crate::shell) fn probe(id: &str) -> Vec<u8> {
    format!(
        " sh -c 'x=$(readlink /proc/$PPID/exe) || x=$(ps -o comm= -p $PPID); \
         printf \"\\033]7717;%s;shell;%s\\007\" {id} \"$x\"' 2>/dev/null\r"
    )
    .into_bytes()
}

/// The line that puts the hook `id` into a shell of this kind.
pub(in crate::shell) fn install(kind: Kind, id: &str) -> Vec<u8> {
    let script = match kind {
        Kind::Bash => {
            let hook = quoted(&joined(BASH));
            format!(
                "if {BASH_HAS}; then eval {hook}; else {}; fi",
                joined(PLAIN)
            )
        }
        Kind::Zsh => joined(ZSH),
        Kind::Fish => joined(FISH),
        Kind::Plain => joined(PLAIN),
    };
    format!(" {}\r", script.replace("ID", id)).into_bytes()
}

/// A script as one line, without its comments.
fn joined(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with('#'));
    lines.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_is_known_by_its_program() {
        for (program, kind) in [
            ("/usr/bin/bash", Some(Kind::Bash)),
            ("-bash", Some(Kind::Bash)),
            ("/bin/zsh-5.9", Some(Kind::Zsh)),
            ("/usr/bin/dash (deleted)", Some(Kind::Plain)),
            ("/bin/busybox", Some(Kind::Plain)),
            ("fish", Some(Kind::Fish)),
            ("/usr/bin/tcsh", None),
            ("", None),
        ] {
            assert_eq!(Kind::of_program(program), kind, "{program}");
        }
    }

    #[test]
    fn what_is_typed_is_one_line_whose_echo_is_no_mark() {
        let kinds = [Kind::Bash, Kind::Zsh, Kind::Fish, Kind::Plain];
        for line in kinds
            .map(|kind| install(kind, "ab12"))
            .iter()
            .chain([&probe("ab12")])
        {
            let text = std::str::from_utf8(line).unwrap();
            assert!(text.starts_with(' ') && text.ends_with('\r'), "{text}");
            assert!(!text.trim_end().contains(char::is_control), "{text}");
            assert!(text.contains("ab12") && !text.contains(";ID"), "{text}");
        }
        // A terminal that hands over whole lines takes no longer ones; Linux's, that
        // of a bash without a line editor, four times as long ones.
        assert!(install(Kind::Plain, "0123456789abcdef").len() < 1_000);
        assert!(install(Kind::Bash, "0123456789abcdef").len() < 4_000);
    }
}
