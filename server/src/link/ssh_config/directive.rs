//! One directive: what it sets, or that it is not honoured.

use std::time::Duration;

use super::jump::jump_hosts;
use super::line::words;
use super::settings::{Proxy, Settings, StrictHostKeyChecking};

/// ssh(1)'s limit of `IdentityFile` and of `CertificateFile`.
const FILES_MAX: usize = 100;

/// ssh(1)'s limit of each kind of `known_hosts` file.
const HOSTS_FILES_MAX: usize = 32;

/// What became of a directive.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// It is one that is honoured.
    Honoured,
    /// It is not.
    NotHonoured,
}

/// Reads a directive and, where its block applies, takes it over. The error
/// says in words what is wrong with it; ssh(1) refuses a file for a bad line
/// in any block, and so this reads those of others too.
pub(super) fn take(
    settings: &mut Settings,
    keyword: &str,
    rest: &str,
    applies: bool,
) -> Result<Taken, String> {
    let mut scratch = Settings::default();
    let into = if applies { settings } else { &mut scratch };
    let mut arguments = Arguments::new(rest)?;
    match keyword {
        "hostname" => first(&mut into.host_name, arguments.one()?),
        "user" => first(&mut into.user, arguments.one()?),
        "port" => first(&mut into.port, port(&arguments.one()?)?),
        "identityfile" | "identityfile2" => add(&mut into.identity_files, arguments.one()?)?,
        "certificatefile" => add(&mut into.certificate_files, arguments.one()?)?,
        "identitiesonly" => first(&mut into.identities_only, flag(&arguments.one()?)?),
        "identityagent" => first(&mut into.identity_agent, arguments.one()?),
        "forwardagent" => {
            let argument = arguments.one()?;
            if let Ok(wanted) = flag(&argument) {
                first(&mut into.forward_agent, wanted);
            } else {
                first(&mut into.forward_agent, true);
                first(&mut into.forward_agent_socket, argument);
            }
        }
        "proxyjump" => return proxy_jump(into, rest),
        "proxycommand" => {
            let command = rest.trim_start_matches([' ', '\t', '\r', '\n', '=']);
            let proxy = if command.eq_ignore_ascii_case("none") {
                Proxy::None
            } else {
                Proxy::Command(command.to_owned())
            };
            first(&mut into.proxy, proxy);
            return Ok(Taken::Honoured);
        }
        "hostkeyalias" => first(&mut into.host_key_alias, arguments.one()?.to_lowercase()),
        "userknownhostsfile" => arguments.files(&mut into.user_known_hosts)?,
        "globalknownhostsfile" => arguments.files(&mut into.global_known_hosts)?,
        "stricthostkeychecking" => {
            first(
                &mut into.strict_host_key_checking,
                strict(&arguments.one()?)?,
            );
        }
        "connecttimeout" => {
            if let Some(length) = time(&arguments.one()?)? {
                first(&mut into.connect_timeout, length);
            }
        }
        "serveraliveinterval" => {
            if let Some(length) = time(&arguments.one()?)? {
                first(&mut into.server_alive_interval, length);
            }
        }
        // It names directives that another ssh may not know.
        "ignoreunknown" => return Ok(Taken::Honoured),
        "canonicalizehostname" => {
            into.canonicalizes |= !arguments.one()?.eq_ignore_ascii_case("no");
            return Ok(Taken::NotHonoured);
        }
        _ => return Ok(Taken::NotHonoured),
    }
    arguments.end()?;
    Ok(Taken::Honoured)
}

fn proxy_jump(into: &mut Settings, rest: &str) -> Result<Taken, String> {
    let list = rest.trim_start_matches([' ', '\t', '\r', '\n', '=']);
    let list = list.split('#').next().unwrap_or_default().trim_end();
    if list.eq_ignore_ascii_case("none") {
        into.no_jump |= into.proxy.is_none();
        return Ok(Taken::Honoured);
    }
    let hosts = jump_hosts(list).ok_or_else(|| format!("`{list}` is no ProxyJump"))?;
    if !into.no_jump {
        first(&mut into.proxy, Proxy::Jump(hosts));
    }
    Ok(Taken::Honoured)
}

/// The words after a keyword.
struct Arguments(std::vec::IntoIter<String>);

impl Arguments {
    fn new(rest: &str) -> Result<Self, String> {
        if rest.is_empty() {
            return Err("the keyword has no argument".into());
        }
        let words = words(rest).ok_or("a quote is not closed")?;
        Ok(Self(words.into_iter()))
    }

    /// The next one.
    fn one(&mut self) -> Result<String, String> {
        let missing = || "an argument is missing".to_owned();
        self.0
            .next()
            .filter(|word| !word.is_empty())
            .ok_or_else(missing)
    }

    /// All that are left, as a list of files. The first such list counts.
    fn files(&mut self, list: &mut Vec<String>) -> Result<(), String> {
        let words: Vec<String> = self.0.by_ref().collect();
        if words.iter().any(String::is_empty) {
            return Err("an argument is empty".into());
        }
        let is_none = |word: &String| word.eq_ignore_ascii_case("none");
        if words.len() > 1 && words.iter().any(is_none) {
            return Err("`none` must stand alone".into());
        }
        if !list.is_empty() {
            return Ok(());
        }
        if words.len() > HOSTS_FILES_MAX {
            return Err(format!("more than {HOSTS_FILES_MAX} files"));
        }
        *list = words;
        Ok(())
    }

    fn end(mut self) -> Result<(), String> {
        match self.0.next() {
            Some(more) => Err(format!("`{more}` is one argument too many")),
            None => Ok(()),
        }
    }
}

/// The first value wins.
fn first<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

fn add(files: &mut Vec<String>, file: String) -> Result<(), String> {
    if files.len() >= FILES_MAX {
        return Err(format!("more than {FILES_MAX} of them"));
    }
    if !files.contains(&file) {
        files.push(file);
    }
    Ok(())
}

fn flag(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err(format!("`{text}` is neither yes nor no")),
    }
}

fn strict(text: &str) -> Result<StrictHostKeyChecking, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" => Ok(StrictHostKeyChecking::Yes),
        "no" | "false" | "off" => Ok(StrictHostKeyChecking::No),
        "ask" => Ok(StrictHostKeyChecking::Ask),
        "accept-new" => Ok(StrictHostKeyChecking::AcceptNew),
        _ => Err(format!("`{text}` is none of yes, ask, accept-new and no")),
    }
}

fn port(text: &str) -> Result<u16, String> {
    if text == "ssh" {
        return Ok(crate::link::address::SSH_PORT);
    }
    let number = text.parse().ok().filter(|port| *port != 0);
    number.ok_or_else(|| format!("`{text}` is no port from 1 to 65535"))
}

/// A length of time (`sshd_config(5)`, TIME FORMATS); none for `none`.
fn time(text: &str) -> Result<Option<Duration>, String> {
    if text == "none" {
        return Ok(None);
    }
    let bad = || format!("`{text}` is no time like 15, 90s or 1h30m");
    let mut seconds: u64 = 0;
    let mut left = text;
    while !left.is_empty() {
        let digits = left.len() - left.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, after) = left.split_at(digits);
        let number: u64 = number.parse().map_err(|_none| bad())?;
        let mut after = after.chars();
        let unit = match after.next().map(|c| c.to_ascii_lowercase()) {
            None | Some('s') => 1,
            Some('m') => 60,
            Some('h') => 60 * 60,
            Some('d') => 24 * 60 * 60,
            Some('w') => 7 * 24 * 60 * 60,
            Some(_) => return Err(bad()),
        };
        let length = number.checked_mul(unit).ok_or_else(bad)?;
        seconds = seconds.checked_add(length).ok_or_else(bad)?;
        left = after.as_str();
    }
    if text.is_empty() || i32::try_from(seconds).is_err() {
        return Err(bad());
    }
    Ok(Some(Duration::from_secs(seconds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_ssh_reads_them() {
        for (text, seconds) in [
            ("15", Some(15)),
            ("1h30m", Some(5400)),
            ("2W1s", Some(1_209_601)),
        ] {
            assert_eq!(time(text), Ok(seconds.map(Duration::from_secs)), "{text}");
        }
        assert_eq!(time("none"), Ok(None));
        for bad in ["", "x", "5x", "m", "99999999999", "-1"] {
            assert!(time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_first_value_wins_and_lists_grow() {
        let mut settings = Settings::default();
        for (keyword, rest) in [
            ("port", "2222"),
            ("port", "23"),
            ("identityfile", "a"),
            ("identityfile", "b"),
            ("identityfile", "a"),
            ("userknownhostsfile", "x y"),
            ("userknownhostsfile", "z"),
            ("proxyjump", "none # not here"),
            ("proxyjump", "bastion"),
            ("proxycommand", "nc %h %p"),
        ] {
            assert_eq!(
                take(&mut settings, keyword, rest, true),
                Ok(Taken::Honoured)
            );
        }
        assert_eq!(settings.port, Some(2222));
        assert_eq!(settings.identity_files, ["a", "b"]);
        assert_eq!(settings.user_known_hosts, ["x", "y"]);
        let command = Proxy::Command("nc %h %p".into());
        assert_eq!(settings.proxy, Some(command));
    }

    #[test]
    fn a_bad_line_is_refused_in_any_block_and_an_unknown_one_is_only_named() {
        for (keyword, rest) in [
            ("port", "0"),
            ("port", "22 23"),
            ("user", ""),
            ("user", "'a"),
            ("identitiesonly", "perhaps"),
            ("userknownhostsfile", "none other"),
        ] {
            let taken = take(&mut Settings::default(), keyword, rest, false);
            assert!(taken.is_err(), "{keyword} {rest}");
        }
        let taken = take(&mut Settings::default(), "controlmaster", "auto", true);
        assert_eq!(taken, Ok(Taken::NotHonoured));
    }
}
