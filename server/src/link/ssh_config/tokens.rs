//! `%` tokens and `${}` variables in arguments (`ssh_config(5)`, TOKENS and
//! ENVIRONMENT VARIABLES).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha1::{Digest, Sha1};

use super::error::ConfigError;

/// What the tokens stand for.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    /// `%d`
    pub(super) home: &'a Path,
    /// `%h`
    pub(super) host: &'a str,
    /// `%i`
    pub(super) local_uid: u32,
    /// `%k`
    pub(super) key_alias: &'a str,
    /// `%l`, and up to its first dot `%L`
    pub(super) local_host: &'a str,
    /// `%n`
    pub(super) host_given: &'a str,
    /// `%p`
    pub(super) port: u16,
    /// `%r`
    pub(super) user: &'a str,
    /// `%u`
    pub(super) local_user: &'a str,
    /// `%j`
    pub(super) jump: &'a str,
    /// The value of a `${}` variable.
    pub(super) variable: fn(&str) -> Option<String>,
}

impl Tokens<'_> {
    /// A path, with `~` too.
    pub(super) fn path(&self, keyword: &'static str, text: &str) -> Result<PathBuf, ConfigError> {
        let text = match text.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{}{rest}", self.home.display())
            }
            Some(_) => return Err(bad(keyword, text, "another user's ~ is not known here")),
            None => text.to_owned(),
        };
        self.expand(keyword, &text).map(PathBuf::from)
    }

    /// Any text.
    pub(super) fn expand(&self, keyword: &'static str, text: &str) -> Result<String, ConfigError> {
        let mut out = String::with_capacity(text.len());
        let mut left = text;
        while let Some(at) = left.find(['%', '$']) {
            let (plain, from) = left.split_at(at);
            out.push_str(plain);
            if let Some(variable) = from.strip_prefix("${") {
                let closing = "a `${` is not closed";
                let (name, after) = variable
                    .split_once('}')
                    .ok_or_else(|| bad(keyword, text, closing))?;
                let value = (self.variable)(name).ok_or_else(|| {
                    bad(
                        keyword,
                        text,
                        &format!("the daemon has no variable `{name}`"),
                    )
                })?;
                out.push_str(&value);
                left = after;
            } else if let Some(token) = from.strip_prefix('%') {
                let mut after = token.chars();
                let letter = after.next();
                self.one(letter, &mut out)
                    .ok_or_else(|| bad(keyword, text, "a `%` there stands for nothing"))?;
                left = after.as_str();
            } else {
                out.push('$');
                left = from.get(1..).unwrap_or_default();
            }
        }
        out.push_str(left);
        Ok(out)
    }

    fn one(&self, letter: Option<char>, out: &mut String) -> Option<()> {
        match letter? {
            '%' => out.push('%'),
            'C' => out.push_str(&self.connection_hash()),
            'd' => out.push_str(&self.home.to_string_lossy()),
            'h' => out.push_str(self.host),
            'i' => write!(out, "{}", self.local_uid).ok()?,
            'j' => out.push_str(self.jump),
            'k' => out.push_str(self.key_alias),
            'L' => out.push_str(self.local_host.split('.').next()?),
            'l' => out.push_str(self.local_host),
            'n' => out.push_str(self.host_given),
            'p' => write!(out, "{}", self.port).ok()?,
            'r' => out.push_str(self.user),
            'u' => out.push_str(self.local_user),
            _ => return None,
        }
        Some(())
    }

    /// `%C`: SHA-1 of `%l%h%p%r` (and of `%j` since OpenSSH 9.6), in hex.
    fn connection_hash(&self) -> String {
        let mut hash = Sha1::new();
        hash.update(self.local_host);
        hash.update(self.host);
        hash.update(self.port.to_string());
        hash.update(self.user);
        hash.update(self.jump);
        let mut text = String::new();
        for byte in hash.finalize() {
            if write!(text, "{byte:02x}").is_err() {
                return String::new();
            }
        }
        text
    }
}

/// A `HostName`, in which `%h` alone stands for something.
pub(super) fn host_name(text: &str, given: &str) -> Result<String, ConfigError> {
    let mut out = String::with_capacity(text.len());
    let mut left = text.chars();
    while let Some(c) = left.next() {
        match c {
            '%' => match left.next() {
                Some('%') => out.push('%'),
                Some('h') => out.push_str(given),
                _ => return Err(bad("HostName", text, "only %h and %% stand for something")),
            },
            other => out.push(other),
        }
    }
    Ok(out)
}

pub(super) fn bad(keyword: &'static str, text: &str, what: &str) -> ConfigError {
    ConfigError::Token {
        keyword,
        text: text.to_owned(),
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens<'static> {
        Tokens {
            home: Path::new("/home/ann"),
            host: "web.example",
            local_uid: 1000,
            key_alias: "webkey",
            local_host: "desk.example",
            host_given: "web",
            port: 2222,
            user: "deploy",
            local_user: "ann",
            jump: "",
            variable: |name| (name == "X").then(|| "x y".to_owned()),
        }
    }

    #[test]
    fn every_token_stands_for_its_value() {
        let expanded = tokens().expand("IdentityFile", "%d %h %i %k %L %l %n %p %r %u %% ${X}$");
        let wanted =
            "/home/ann web.example 1000 webkey desk desk.example web 2222 deploy ann % x y$";
        assert_eq!(expanded.unwrap(), wanted);
        let path = tokens().path("IdentityFile", "~/.ssh/%r").unwrap();
        assert_eq!(path, Path::new("/home/ann/.ssh/deploy"));
    }

    #[test]
    fn what_stands_for_nothing_is_refused() {
        for text in ["%", "%z", "${", "${Y}", "~eve/k"] {
            assert!(tokens().path("IdentityFile", text).is_err(), "{text}");
        }
        assert!(host_name("%p", "web").is_err());
        assert_eq!(host_name("%h.example%%", "web").unwrap(), "web.example%");
    }
}
