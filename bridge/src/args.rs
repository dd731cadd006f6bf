//! What was typed: subcommand and flags, `-flag` and `--flag` alike, as client
//! configurations of the Go program have them.

use std::ffi::OsString;

/// What was typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Args {
    /// What to do; the stdio bridge when absent.
    pub(crate) command: Option<String>,
    /// The words after the command.
    pub(crate) operands: Vec<String>,
    /// The flags.
    pub(crate) flags: Flags,
}

/// The flags as typed; absent ones are left to the environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) addr: Option<String>,
    pub(crate) handle: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) lock: Option<String>,
    pub(crate) format: Option<String>,
    pub(crate) log: Option<String>,
    pub(crate) daemon_binary: Option<String>,
    pub(crate) toolsets: Option<String>,
    pub(crate) no_spawn: bool,
    pub(crate) help: bool,
    pub(crate) version: bool,
}

/// Reads the words after the program's name.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut words = words.into_iter().map(|word| {
        word.into_string()
            .map_err(|word| format!("{} is not UTF-8", word.display()))
    });
    while let Some(word) = words.next().transpose()? {
        let Some(flag) = flag_of(&word) else {
            args.take_word(word);
            continue;
        };
        let (name, attached) = match flag.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (flag, None),
        };
        if let Some(switch) = args.flags.switch(name) {
            *switch = truth(name, attached.as_deref())?;
            continue;
        }
        let Some(slot) = args.flags.slot(name) else {
            return Err(format!("unknown flag {word}"));
        };
        let value = match attached {
            Some(value) => Some(value),
            None => words.next().transpose()?,
        };
        *slot = Some(value.ok_or_else(|| format!("{word} needs a value"))?);
    }
    Ok(args)
}

impl Args {
    fn take_word(&mut self, word: String) {
        if self.command.is_none() {
            self.command = Some(word);
        } else {
            self.operands.push(word);
        }
    }
}

impl Flags {
    fn switch(&mut self, name: &str) -> Option<&mut bool> {
        match name {
            "no-spawn" => Some(&mut self.no_spawn),
            "h" | "help" => Some(&mut self.help),
            "v" | "version" => Some(&mut self.version),
            _ => None,
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut Option<String>> {
        match name {
            "addr" => Some(&mut self.addr),
            "handle" => Some(&mut self.handle),
            "state" => Some(&mut self.state),
            "lock" => Some(&mut self.lock),
            "format" => Some(&mut self.format),
            "log" => Some(&mut self.log),
            "daemon-binary" | "daemon" => Some(&mut self.daemon_binary),
            "toolsets" => Some(&mut self.toolsets),
            _ => None,
        }
    }
}

/// The flag's name and value, if the word is one; a lone `-` is not.
fn flag_of(word: &str) -> Option<&str> {
    let flag = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    (!flag.is_empty()).then_some(flag)
}

/// A switch's value: Go's `-no-spawn=false` is heard too.
fn truth(name: &str, attached: Option<&str>) -> Result<bool, String> {
    match attached {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => Err(format!("--{name} is true or false, not {other}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Args, String> {
        parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn go_spellings_and_ours_mean_the_same() {
        let ours = parsed("--handle /h --format=json --no-spawn --daemon-binary /d").unwrap();
        let go = parsed("-handle=/h -format json -no-spawn=true -daemon-binary /d").unwrap();
        assert_eq!(ours, go);
        assert_eq!(ours.flags.handle.as_deref(), Some("/h"));
        assert!(ours.flags.no_spawn && ours.command.is_none());
    }

    #[test]
    fn a_command_keeps_its_words_and_flags_stand_anywhere() {
        let args = parsed("--state /s daemon stop --lock /l").unwrap();
        assert_eq!(args.command.as_deref(), Some("daemon"));
        assert_eq!(args.operands, ["stop"]);
        assert_eq!(args.flags.lock.as_deref(), Some("/l"));
        assert!(parsed("-version").unwrap().flags.version);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (line, words) in [
            ("--what", "unknown flag --what"),
            ("--handle", "--handle needs a value"),
            ("--no-spawn=maybe", "--no-spawn is true or false, not maybe"),
        ] {
            assert_eq!(parsed(line).unwrap_err(), words);
        }
    }
}
