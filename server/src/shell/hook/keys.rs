//! A line as keys: what is typed to have a hooked shell run it.

use super::kind::Kind;
use crate::link::quoted;

/// What a terminal takes as one line that hands over whole lines, in bytes: less
/// than any system's `MAX_CANON` but for macOS's 1024.
const PLAIN_MAX_BYTES: usize = 3_900;

/// A line's length: what a line editor still echoes in good time.
const LINE_MAX_BYTES: usize = 256 << 10;

const PASTE_BEGIN: &str = "\u{1b}[200~";
const PASTE_END: &str = "\u{1b}[201~";

/// Why a line cannot be typed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrunnable {
    /// It has keys in it.
    #[error("the command has the control character {0:?} in it")]
    Control(char),
    /// It is longer than the shell takes.
    #[error("the command has {bytes} bytes, and this shell takes {max} as a line")]
    TooLong {
        /// How long it is.
        bytes: usize,
        /// How long it may be.
        max: usize,
    },
}

/// The key that has the line editor of a hooked shell get ready for a line; none
/// where there is no such key.
pub(in crate::shell) fn arm(kind: Kind) -> Option<&'static [u8]> {
    match kind {
        Kind::Bash | Kind::Zsh => Some(b"\x18\x1e"),
        Kind::Fish => Some(b"\x1b[57999~"),
        Kind::Plain => None,
    }
}

/// `command` as it is typed into a shell of this kind, that tells pastes from
/// typing or does not.
pub(in crate::shell) fn line(
    kind: Kind,
    command: &str,
    takes_pastes: bool,
) -> Result<Vec<u8>, Unrunnable> {
    let is_key = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
    if let Some(key) = command.chars().find(is_key) {
        return Err(Unrunnable::Control(key));
    }
    let command = command.trim_end_matches('\n');
    let has_editing = command.contains(['\n', '\t']);
    let (typed, max) = match kind {
        Kind::Plain => {
            // A typed tab is a key to busybox's editor.
            let quoted = quoted(command).replace('\t', r#"'"$(printf '\011')"'"#);
            (plain(&quoted), PLAIN_MAX_BYTES)
        }
        // fish drops the tabs of a paste.
        Kind::Fish if command.contains('\t') => (fish_escaped(command), LINE_MAX_BYTES),
        _ if has_editing && (takes_pastes || kind == Kind::Fish) => {
            (format!("{PASTE_BEGIN}{command}{PASTE_END}"), LINE_MAX_BYTES)
        }
        _ if has_editing => (format!(" eval {}", escaped(command)), LINE_MAX_BYTES),
        _ => (command.to_owned(), LINE_MAX_BYTES),
    };
    if typed.len() > max {
        return Err(Unrunnable::TooLong {
            bytes: typed.len(),
            max,
        });
    }
    Ok(format!("{typed}\r").into_bytes())
}

/// What has the text that plain.sh left run a quoted line. It stands outside any
/// function, so that the line's `$?` and `$1` are the shell's own, and a status that is
/// not 0 ends no shell with `set -e`.
fn plain(quoted: &str) -> String {
    format!(" __rsmcp_s=$? __rsmcp={quoted}; eval \"$__rsmcp_r\"; {{ __rsmcp_d&&:;}} 2>/dev/null")
}

/// On one line and without tabs, which an editor would take for keys.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', r"\\").replace('\'', r"\'");
    format!("$'{}'", text.replace('\n', r"\n").replace('\t', r"\t"))
}

/// The same for fish, which keeps escapes in quotes as they are.
fn fish_escaped(text: &str) -> String {
    let text = text
        .replace('\\', r"\\")
        .replace('\n', r"\n")
        .replace('\t', r"\t");
    let quoted = text.replace('\\', r"\\").replace('\'', r"\'");
    format!(" eval (string unescape '{quoted}' | string collect)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_typed_as_a_person_would() {
        for (kind, command, pastes, typed) in [
            (Kind::Bash, "ls -l", true, "ls -l\r"),
            (Kind::Bash, "a\nb", true, "\u{1b}[200~a\nb\u{1b}[201~\r"),
            (Kind::Bash, "a\n\tb'", false, " eval $'a\\n\\tb\\''\r"),
            (
                Kind::Fish,
                "a\t\\'",
                true,
                " eval (string unescape 'a\\\\t\\\\\\\\\\'' | string collect)\r",
            ),
            (Kind::Fish, "a\nb", false, "\u{1b}[200~a\nb\u{1b}[201~\r"),
            (
                Kind::Plain,
                "echo 'x'",
                true,
                " __rsmcp_s=$? __rsmcp='echo '\\''x'\\'''; eval \"$__rsmcp_r\"; \
                 { __rsmcp_d&&:;} 2>/dev/null\r",
            ),
        ] {
            let line = line(kind, command, pastes).unwrap();
            assert_eq!(String::from_utf8(line).unwrap(), typed);
        }
    }

    #[test]
    fn keys_and_what_is_too_long_are_refused() {
        let refused = line(Kind::Bash, "vi\u{1b}", true);
        assert_eq!(refused, Err(Unrunnable::Control('\u{1b}')));
        let long = "x".repeat(PLAIN_MAX_BYTES);
        assert!(line(Kind::Plain, &long, true).is_err());
        assert!(line(Kind::Bash, &long, true).is_ok());
    }
}
