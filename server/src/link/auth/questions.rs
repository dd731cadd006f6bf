//! Which of a server's questions (keyboard-interactive, RFC 4256) are for the
//! password. Every other one is for a person, and is named to the caller rather
//! than answered with a password.

use russh::client::Prompt;

use crate::words::one_line;

/// How much of a question is shown: the server wrote it.
const SHOWN_CHARS: usize = 80;

/// What a password is called in questions: English, German, French, Spanish,
/// Portuguese, Italian, Dutch, Polish, Japanese, Chinese, Russian.
const PASSWORD_WORDS: [&str; 13] = [
    "password",
    "passwort",
    "kennwort",
    "mot de passe",
    "contraseña",
    "clave",
    "senha",
    "wachtwoord",
    "hasło",
    "パスワード",
    "密码",
    "密碼",
    "пароль",
];

/// What shows that something else is meant, a password in name or not.
const OTHER_WORDS: [&str; 17] = [
    "new ",
    "retype",
    "change",
    "one-time",
    "one time",
    "otp",
    "verification",
    "code",
    "token",
    "passcode",
    "factor",
    "yubikey",
    "authenticator",
    "challenge",
    "response",
    "passkey",
    "security key",
];

/// The same, where they stand alone: they are parts of other words.
const OTHER_WHOLE_WORDS: [&str; 2] = ["pin", "duo"];

/// What to say to one round of questions.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// The password, to the one question there is.
    Password,
    /// Nothing was asked.
    Nothing,
    /// This is for a person.
    Person(String),
}

/// Judges one round. A password that was `given` already is not given again:
/// a server that asks twice wants another one.
pub(super) fn reply(prompts: &[Prompt], given: bool) -> Reply {
    let for_person = prompts
        .iter()
        .find(|prompt| !is_for_password(prompt, given || prompts.len() > 1));
    match (for_person, prompts) {
        (Some(prompt), _) => Reply::Person(one_line(&prompt.prompt, SHOWN_CHARS)),
        (None, []) => Reply::Nothing,
        (None, [_]) if !given => Reply::Password,
        (None, [first, ..]) => Reply::Person(one_line(&first.prompt, SHOWN_CHARS)),
    }
}

/// Whether a question is for the password. One that is asked alone and first
/// need not say so, in whatever language it is.
fn is_for_password(prompt: &Prompt, must_say_so: bool) -> bool {
    let text = prompt.prompt.to_lowercase();
    let says = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_other = says(&OTHER_WORDS)
        || text
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| OTHER_WHOLE_WORDS.contains(&word));
    !prompt.echo && !is_other && (!must_say_so || says(&PASSWORD_WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt(text: &str, echo: bool) -> Prompt {
        Prompt {
            prompt: text.into(),
            echo,
        }
    }

    #[test]
    fn a_password_is_given_to_the_question_for_it_and_to_no_other() {
        for (text, echo, given, is_answered) in [
            ("Password: ", false, false, true),
            ("(ann@web) Password: ", false, false, true),
            ("Passwort: ", false, false, true),
            ("Sesam öffne dich: ", false, false, true),
            ("Password: ", true, false, false),
            ("Password: ", false, true, false),
            ("Verification code: ", false, false, false),
            ("One-time password (OATH) for `ann': ", false, false, false),
            ("New password: ", false, false, false),
            ("Passcode or option (1-3): ", false, false, false),
            ("Enter PIN: ", false, false, false),
            ("Shopping list: ", false, false, true),
            ("Challenge 123, response: ", false, false, false),
        ] {
            let answered = reply(&[prompt(text, echo)], given) == Reply::Password;
            assert_eq!(answered, is_answered, "{text} {echo} {given}");
        }
        assert_eq!(reply(&[], true), Reply::Nothing);
        let two = [prompt("Password: ", false), prompt("PIN\u{1b}[2J: ", false)];
        assert_eq!(reply(&two, false), Reply::Person("PIN [2J:".into()));
        let twice = [prompt("Password: ", false), prompt("Password: ", false)];
        assert_eq!(reply(&twice, false), Reply::Person("Password:".into()));
    }
}
