//! A `ProxyCommand` of `ssh_config`: whether it may run, and its words. No
//! shell is run for it, ever.
//!
//! `ssh_config` is a person's, so the command's text is theirs; the caller
//! chooses the host's name, the user and the port. So that a caller cannot
//! reach a command by another name than a person listed, it is the name as
//! asked for that must be in `allow_proxy_command`, never the `HostName` that
//! it leads to; a `!pattern` there refuses by either. Tokens are expanded when
//! the words are apart, never in the program's name, and what they stand for
//! has no character that a shell would see: the program may be a shell script.

use std::path::Path;

use super::error::PlanError;
use super::hop::{ProxyCommand, Surroundings};
use crate::link::ssh_config::HostConfig;
use crate::link::wildcard;

impl ProxyCommand {
    /// What `text` means for the host that was `asked` for and is `config`'s.
    pub(super) fn new(
        text: &str,
        asked: &str,
        config: &HostConfig,
        around: &Surroundings,
    ) -> Result<Self, PlanError> {
        let listed = &around.allow_proxy_command;
        if !is_listed(listed, asked, &config.host) {
            return Err(not_listed(listed, asked));
        }
        let refused = |what: &str| PlanError::ProxyCommand {
            host: shown(asked),
            what: what.to_owned(),
        };
        let mut words = split(text).map_err(|what| refused(&what))?;
        // `exec` is for the shell that others run it by.
        if words.first().is_some_and(|word| word == "exec") {
            words.remove(0);
        }
        let mut words = words.into_iter();
        let program = words.next().filter(|word| !word.is_empty());
        let program = program.ok_or_else(|| refused("it names no program"))?;
        if program.contains('%') {
            return Err(refused("the program's own name may hold no token"));
        }
        let is_path = program.contains('/');
        if is_path && !Path::new(&program).is_absolute() {
            return Err(refused("write the program's full path"));
        }
        if program.starts_with('-') || program.contains('=') {
            return Err(refused(&format!("`{program}` is no program's name")));
        }
        let tokens = Tokens { asked, config };
        let arguments = words.map(|word| tokens.expand(&word));
        Ok(Self {
            program,
            arguments: arguments
                .collect::<Result<_, _>>()
                .map_err(|what| refused(&what))?,
            folder: around.local.home.clone(),
        })
    }
}

/// Whether config.toml lists the host that was `asked` for, which `resolved`
/// to this name. It is listed by the letter, as `Host` lines go: `WEB` may lead
/// to another command than `web`. It is refused whatever its case.
fn is_listed(list: &[String], asked: &str, resolved: &str) -> bool {
    let list = list.join(",");
    let never = list.split(',').filter_map(|one| one.strip_prefix('!'));
    let refuses = |one: &str, name: &str| {
        let name = name.trim_end_matches('.').to_lowercase();
        wildcard::matches(one.to_lowercase(), name)
    };
    let mut never = never.map(|one| refuses(one, asked) || refuses(one, resolved));
    wildcard::matches_list(&list, asked) && !never.any(|refused| refused)
}

fn not_listed(list: &[String], asked: &str) -> PlanError {
    let shown = shown(asked);
    let line = if list.is_empty() {
        format!("writes `allow_proxy_command = [\"{shown}\"]` at the top of config.toml")
    } else {
        format!("adds \"{shown}\" to allow_proxy_command in config.toml")
    };
    PlanError::ProxyCommandNotListed { host: shown, line }
}

/// The name as it may stand in a line that a person is told to write.
fn shown(asked: &str) -> String {
    let is_plain = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':');
    asked.chars().filter(is_plain).collect()
}

/// What the tokens of a command stand for.
struct Tokens<'a> {
    asked: &'a str,
    config: &'a HostConfig,
}

impl Tokens<'_> {
    fn expand(&self, word: &str) -> Result<String, String> {
        let mut out = String::with_capacity(word.len());
        let mut left = word.chars();
        while let Some(c) = left.next() {
            if c != '%' {
                out.push(c);
                continue;
            }
            match left.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(harmless(&self.config.host)?),
                Some('n') => out.push_str(harmless(self.asked)?),
                Some('p') => out.push_str(&self.config.port.to_string()),
                Some('r') => out.push_str(harmless(&self.config.user)?),
                _ => return Err("of tokens it may have %%, %h, %n, %p and %r".into()),
            }
        }
        Ok(out)
    }
}

/// A name of the caller's that is safe in a program's hands, were it a shell's.
fn harmless(name: &str) -> Result<&str, String> {
    let odd =
        |c: char| c.is_whitespace() || c.is_control() || "'\"`$\\;&<>|(){}[]*?!#~".contains(c);
    if name.is_empty() || name.starts_with('-') || name.contains(odd) {
        return Err(format!("{name:?} is no host or user to hand to a program"));
    }
    Ok(name)
}

/// The words of a command: apart by blanks, kept together by quotes. What only
/// a shell could carry out is refused.
fn split(text: &str) -> Result<Vec<String>, String> {
    let for_shell = |c: char| {
        format!(
            "`{}` is for a shell, and none is run; quote it, or put the command into a script of \
             its own and write that script's full path and its arguments here",
            c.escape_debug()
        )
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in text.chars() {
        if c.is_control() && c != '\t' {
            return Err(for_shell(c));
        }
        match quote {
            Some(open) if c == open => quote = None,
            Some('"') if matches!(c, '$' | '`' | '\\') => return Err(for_shell(c)),
            None if matches!(c, '"' | '\'') => {
                word.get_or_insert_default();
                quote = Some(c);
            }
            None if matches!(c, ' ' | '\t') => words.extend(word.take()),
            None if "|&;<>$`\\()*?[]{}".contains(c) => return Err(for_shell(c)),
            None if word.is_none() && matches!(c, '~' | '#' | '!') => return Err(for_shell(c)),
            Some(_) | None => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".into());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::ssh_config::{Asked, Local};

    /// The words of `text` for `asked`, whose `HostName` is `web.corp`.
    fn made(text: &str, list: &[&str], asked: &str, user: &str) -> Result<Vec<String>, PlanError> {
        let local = Local::bare(Path::new("/home/ann"));
        let question = Asked {
            host: asked,
            user: Some(user),
            port: Some(2222),
        };
        let mut config = HostConfig::read(&question, &local).unwrap();
        config.host = "web.corp".into();
        let around = Surroundings {
            local,
            accepted_keys: "/k".into(),
            allow_accept_new: false,
            allow_proxy_command: list.iter().map(|one| (*one).to_owned()).collect(),
        };
        let command = ProxyCommand::new(text, asked, &config, &around)?;
        assert_eq!(command.folder, Path::new("/home/ann"));
        Ok([vec![command.program], command.arguments].concat())
    }

    #[test]
    fn tokens_are_expanded_when_the_words_are_apart() {
        for (text, words) in [
            ("nc %h %p", &["nc", "web.corp", "2222"][..]),
            ("exec\tnc  -X5 %h:%p", &["nc", "-X5", "web.corp:2222"]),
            (
                "/p '%n %r' \"%%h\" '' a\"b c\"d",
                &["/p", "web ann", "%h", "", "ab cd"],
            ),
            (
                "/p '$;|\\`*' \"a;b|*'\" a~b#c!",
                &["/p", "$;|\\`*", "a;b|*'", "a~b#c!"],
            ),
            ("'/a program' x", &["/a program", "x"]),
        ] {
            assert_eq!(made(text, &["web"], "web", "ann").unwrap(), words, "{text}");
        }
    }

    #[test]
    fn what_only_a_shell_could_do_is_refused_wherever_it_stands() {
        for c in "|&;<>$`\\()*?[]{}\n\r\0\x1b".chars() {
            for text in [
                format!("{c}nc %h"),
                format!("n{c}c %h"),
                format!("nc{c} %h"),
                format!("nc %h {c} touch /tmp/x"),
                format!("nc a{c}b"),
                format!("nc %h{c}"),
            ] {
                let refused = made(&text, &["*"], "web", "ann").unwrap_err().to_string();
                assert!(refused.contains("none is run"), "{text:?}: {refused}");
            }
        }
        for text in [
            "~/nc",
            "nc ~",
            "nc #x",
            "! nc",
            "nc \"$X\"",
            "nc \"`x`\"",
            "nc \"\\\"\"",
        ] {
            let refused = made(text, &["*"], "web", "ann").unwrap_err().to_string();
            assert!(refused.contains("script"), "{text}: {refused}");
        }
        for text in [
            "", "exec", "'' x", "nc 'x", "./nc", "a/b", "-nc", "X=1 nc", "nc %", "nc %d", "%h x",
            "/bin/%n",
        ] {
            let refused = made(text, &["*"], "web", "ann").unwrap_err();
            assert!(matches!(refused, PlanError::ProxyCommand { .. }), "{text}");
        }
    }

    #[test]
    fn a_name_that_a_shell_would_act_on_is_handed_to_no_program() {
        for odd in "'\"`$\\;&<>|(){}[]*?!#~ \t\n\u{a0}".chars() {
            let name = format!("a{odd}b");
            assert!(made("nc %n", &["*"], &name, "ann").is_err(), "{name:?}");
            assert!(made("nc x@%r", &["*"], "web", &name).is_err(), "{name:?}");
            assert!(made("nc %h", &["*"], "web", &name).is_ok(), "{name:?}");
        }
        assert!(made("nc %n", &["*"], "-oProxyCommand=x", "ann").is_err());
        assert!(made("nc %r", &["*"], "web", "-x").is_err());
        assert_eq!(
            made("nc %n", &["*"], "fe80::1%e", "a").unwrap(),
            ["nc", "fe80::1%e"]
        );
    }

    #[test]
    fn the_name_as_asked_for_must_be_listed() {
        for (list, asked, allowed) in [
            (&[][..], "web", false),
            (&["web"], "web", true),
            (&["db", "w*"], "web", true),
            // `Host` lines may lead these to another command.
            (&["web"], "WEB", false),
            (&["web"], "web.", false),
            // Another name for the same host.
            (&["web.corp"], "web", false),
            (&["web"], "web2", false),
            (&["*", "!db"], "web", true),
            (&["*", "!web"], "WEB.", false),
            (&["*,!web"], "web", false),
            (&["*", "!web.corp"], "other", false),
            (&["!db"], "web", false),
            (&[""], "web", false),
        ] {
            let made = made("nc %h", list, asked, "ann");
            assert_eq!(made.is_ok(), allowed, "{list:?} {asked}: {made:?}");
        }
        let told = |list: &[&str], asked| made("nc", list, asked, "ann").unwrap_err().to_string();
        let first = told(&[], "web\"]");
        assert!(
            first.contains("`allow_proxy_command = [\"web\"]`"),
            "{first}"
        );
        let more = told(&["db"], "web");
        assert!(
            more.contains("adds \"web\" to allow_proxy_command"),
            "{more}"
        );
    }
}
