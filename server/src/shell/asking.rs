//! What a program seems to wait for, by what it printed last. A guess, and called
//! one: no terminal tells.

use std::time::Duration;

/// How long a program must be silent before a plain question counts as one, and
/// before the beginning of a line does.
const SURE: Duration = Duration::from_millis(300);
const LIKELY: Duration = Duration::from_millis(1500);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    Password,
    Confirmation,
    Pager,
    /// A program that draws the whole screen.
    FullScreen,
    /// An answer, or a line of an interpreter.
    Input,
    /// It looks like the prompt of another shell.
    Prompt,
}

impl Asks {
    /// In words, with the next call.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Password => "it seems to wait for a password; shell_write types one",
            Self::Confirmation => "it seems to wait for a confirmation; shell_write answers",
            Self::Pager => "it seems to be a pager; shell_write with q leaves it",
            Self::FullScreen => {
                "it is a full-screen program; shell_read with view screen shows it, shell_write \
                 types keys"
            }
            Self::Input => "it seems to wait for input; shell_write answers",
            Self::Prompt => {
                "it seems to be another shell's prompt; then the next shell_run goes on in it, \
                 else shell_write answers"
            }
        }
    }
}

/// What a program waits for that has been silent for `quiet`, with `line` the
/// last that it printed, which no line end follows.
pub(super) fn asks(line: &str, is_full_screen: bool, quiet: Duration) -> Option<Asks> {
    let line = line.trim();
    let lower = line.to_lowercase();
    let needed = |asks| match asks {
        Asks::Password | Asks::Confirmation | Asks::Pager => SURE,
        Asks::FullScreen | Asks::Input | Asks::Prompt => LIKELY,
    };
    let found = if is_pager(line, is_full_screen) {
        Asks::Pager
    } else if is_full_screen {
        Asks::FullScreen
    } else if is_password(&lower) {
        Asks::Password
    } else if is_confirmation(&lower) {
        Asks::Confirmation
    } else if is_prompt(line) {
        Asks::Prompt
    } else if line.ends_with(['?', ':', '>', ')', '#', ']']) {
        Asks::Input
    } else {
        return None;
    };
    (quiet >= needed(found)).then_some(found)
}

/// Whether what is typed next is a secret.
pub(super) fn is_password(lower: &str) -> bool {
    const NAMES: [&str; 25] = [
        "password",
        "passphrase",
        // OpenSSL's.
        "pass phrase",
        "passcode",
        "passwort",
        "kennwort",
        "mot de passe",
        "contraseña",
        "senha",
        "wachtwoord",
        "lösenord",
        "hasło",
        "heslo",
        "пароль",
        "密码",
        "密碼",
        "パスワード",
        "암호",
        "one-time",
        "verification code",
        "authentication code",
        "security code",
        "secret key",
        "api key",
        "pin for",
    ];
    // Short ones stand in longer words that ask for no secret.
    const WORDS: [&str; 4] = ["token", "otp", "pin", "pw"];
    let mut words = lower.split(|c: char| !c.is_alphanumeric());
    lower.ends_with([':', '：'])
        && (NAMES.iter().any(|name| lower.contains(name))
            || words.any(|word| WORDS.contains(&word)))
}

fn is_confirmation(lower: &str) -> bool {
    const ENDS: [&str; 10] = [
        "[y/n]",
        "(y/n)",
        "[yes/no]",
        "(yes/no)",
        "[y/n/q]",
        "y/n",
        "[j/n]",
        "(yes/no/[fingerprint])",
        "continue",
        "[y/n/a/q]",
    ];
    let bare = lower.trim_end_matches(['?', ':', ' ', '.']);
    ENDS.iter().any(|end| bare.ends_with(end))
        || (lower.ends_with('?')
            && (lower.contains("are you sure") || lower.starts_with("overwrite")))
        || (lower.starts_with("rm: remove ") && lower.ends_with('?'))
}

/// A shell's prompt rather than an interpreter's (`>>>`, `mysql>`, `db=#`).
fn is_prompt(line: &str) -> bool {
    if line.ends_with("=#") || line.ends_with("=>") || line.ends_with("-#") {
        return false;
    }
    let has_place = line.contains(['@', '~', '/']);
    line.ends_with(['$', '#', '%', '❯', '➜', 'λ', '»']) || (line.ends_with('>') && has_place)
}

fn is_pager(line: &str, is_full_screen: bool) -> bool {
    line.starts_with("--More--")
        || line.starts_with("--Mehr--")
        || line.ends_with("(END)")
        || (line.starts_with("lines ") && line.chars().any(|c| c.is_ascii_digit()))
        || (is_full_screen && (line == ":" || line.starts_with("Manual page ")))
        || line.ends_with("Press RETURN to continue")
        || line.contains("(press h for help or q to quit)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_ask_for_is_told_by_their_last_line() {
        let long = Duration::from_secs(5);
        for (line, full, wanted) in [
            ("[sudo] password for ann: ", false, Some(Asks::Password)),
            (
                "Enter passphrase for key '/k': ",
                false,
                Some(Asks::Password),
            ),
            (
                "Enter pass phrase for key.pem:",
                false,
                Some(Asks::Password),
            ),
            ("Token: ", false, Some(Asks::Password)),
            ("Enter OTP: ", false, Some(Asks::Password)),
            ("PIN:", false, Some(Asks::Password)),
            ("Kennwort: ", false, Some(Asks::Password)),
            ("密码：", false, Some(Asks::Password)),
            ("Verification code: ", false, Some(Asks::Password)),
            ("Mot de passe : ", false, Some(Asks::Password)),
            ("Shipping to: ", false, Some(Asks::Input)),
            (
                "Do you want to continue? [Y/n] ",
                false,
                Some(Asks::Confirmation),
            ),
            (
                "rm: remove regular file 'a'? ",
                false,
                Some(Asks::Confirmation),
            ),
            (
                "Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
                false,
                Some(Asks::Confirmation),
            ),
            ("--More--(12%)", false, Some(Asks::Pager)),
            (":", true, Some(Asks::Pager)),
            ("(END)", true, Some(Asks::Pager)),
            ("-- INSERT --", true, Some(Asks::FullScreen)),
            ("Name: ", false, Some(Asks::Input)),
            (">>> ", false, Some(Asks::Input)),
            ("root@box:~# ", false, Some(Asks::Prompt)),
            ("ann@box ~> ", false, Some(Asks::Prompt)),
            ("# ", false, Some(Asks::Prompt)),
            ("mysql> ", false, Some(Asks::Input)),
            ("db=# ", false, Some(Asks::Input)),
            ("", false, None),
            ("compiling", false, None),
        ] {
            assert_eq!(asks(line, full, long), wanted, "{line}");
        }
    }

    #[test]
    fn what_has_only_just_been_printed_waits_for_nothing_yet() {
        assert_eq!(asks("Password: ", false, Duration::from_millis(100)), None);
        assert_eq!(asks("Name: ", false, Duration::from_millis(500)), None);
    }
}
