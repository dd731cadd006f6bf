//! What a person's configuration allows: a mode, and rules by tool, host and
//! client of which deny wins (SECURITY 13).

use schema::tools::Tool;
use schema::tools::table::Permission;
use schema::{Code, Fault};

/// What models may do at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything.
    #[default]
    Full,
    /// Connect, disconnect and look.
    ReadOnly,
}

/// One rule: what it leaves out matches all. `*` stands for any run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pattern {
    /// Of the tool's name.
    pub tool: Option<String>,
    /// Of a host in the session's spec, or of the session's or Docker host's id.
    pub host: Option<String>,
    /// Of the client's name.
    pub client: Option<String>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// The mode.
    pub mode: Mode,
    /// When there are any, a call must match one.
    pub allow: Vec<Pattern>,
    /// A call that matches one is refused.
    pub deny: Vec<Pattern>,
}

/// What a call works on. Ids are the model's to choose, hosts are not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Subject {
    /// Ids of sessions or Docker hosts.
    pub(super) ids: Vec<String>,
    /// Host names, of all addresses and jump hosts.
    pub(super) hosts: Vec<String>,
    /// What those names lead to by `ssh_config`. A deny rule hits it; an allow
    /// rule is for names as they are given, whose meaning is the person's.
    pub(super) meant: Vec<String>,
}

impl Subject {
    /// A deny rule hits whichever name it knows.
    fn denied_by(&self, host: &str) -> bool {
        self.ids
            .iter()
            .chain(&self.hosts)
            .chain(&self.meant)
            .any(|name| fits(host, name))
    }

    /// What allow rules must match, each of them: the hosts, or where there
    /// are none the ids.
    fn to_allow(&self) -> Vec<&str> {
        let names = if self.hosts.is_empty() {
            &self.ids
        } else {
            &self.hosts
        };
        if names.is_empty() {
            return vec![""];
        }
        names.iter().map(String::as_str).collect()
    }
}

impl Rules {
    /// Whether any rule denies a host.
    pub(super) fn deny_hosts(&self) -> bool {
        self.deny.iter().any(|rule| rule.host.is_some())
    }

    /// Whether `client` may call `tool` on `subject`.
    pub(super) fn permit(&self, tool: Tool, subject: &Subject, client: &str) -> Result<(), Fault> {
        if self.mode == Mode::ReadOnly && tool.row().permission == Permission::Change {
            return Err(denied(tool, "mode = \"read-only\""));
        }
        let denies = |rule: &Pattern| {
            let host = rule.host.as_deref();
            rule.is_for(tool, client) && host.is_none_or(|host| subject.denied_by(host))
        };
        if self.deny.iter().any(denies) {
            return Err(denied(tool, "a deny rule"));
        }
        let allows = |rule: &Pattern, name: &str| {
            let host = rule.host.as_deref();
            rule.is_for(tool, client) && host.is_none_or(|host| fits(host, name))
        };
        let allowed = |name: &&str| self.allow.iter().any(|rule| allows(rule, name));
        if !self.allow.is_empty() && !subject.to_allow().iter().all(allowed) {
            return Err(denied(tool, "that no allow rule matches"));
        }
        Ok(())
    }
}

impl Pattern {
    fn is_for(&self, tool: Tool, client: &str) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern.as_deref().is_none_or(|pattern| fits(pattern, text))
        };
        fits(&self.tool, tool.as_str()) && fits(&self.client, client)
    }
}

fn denied(tool: Tool, by: &str) -> Fault {
    Fault::new(
        Code::Denied,
        format!("{tool} is forbidden here by config.toml: {by}"),
    )
    .next("a person can change config.toml; no tool can")
}

/// Host names have no case (RFC 4343), and nobody means one in a rule.
fn fits(pattern: &str, text: &str) -> bool {
    wildcard(&pattern.to_lowercase(), &text.to_lowercase())
}

/// `*` any run, the rest itself.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.split_once(piece) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(ids: &[&str], hosts: &[&str]) -> Subject {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Subject {
            ids: owned(ids),
            hosts: owned(hosts),
            meant: Vec::new(),
        }
    }

    fn rule(tool: &str, host: &str) -> Pattern {
        Pattern {
            tool: Some(tool.into()),
            host: Some(host.into()),
            client: None,
        }
    }

    #[test]
    fn read_only_lets_connect_and_look_and_refuses_every_change() {
        let rules = Rules {
            mode: Mode::ReadOnly,
            ..Rules::default()
        };
        for tool in Tool::ALL {
            let allowed = rules.permit(*tool, &on(&["web"], &[]), "c").is_ok();
            assert_eq!(
                allowed,
                tool.row().permission != Permission::Change,
                "{tool}"
            );
        }
    }

    #[test]
    fn deny_wins_over_allow() {
        let rules = Rules {
            allow: vec![rule("ssh_*", "*")],
            deny: vec![rule("ssh_exec", "prod*")],
            ..Rules::default()
        };
        let (web, prod) = (on(&["web"], &[]), on(&["prod-1"], &[]));
        assert!(rules.permit(Tool::SshExec, &web, "c").is_ok());
        assert!(rules.permit(Tool::SshExec, &prod, "c").is_err());
        assert!(rules.permit(Tool::DockerExec, &web, "c").is_err());
    }

    #[test]
    fn an_id_of_the_models_choice_gets_around_no_rule() {
        let rules = Rules {
            deny: vec![rule("ssh_*", "prod*")],
            ..Rules::default()
        };
        let hidden = on(&["x"], &["bastion", "PROD-1"]);
        assert!(rules.permit(Tool::SshConnect, &hidden, "c").is_err());
        let rules = Rules {
            allow: vec![rule("*", "web*")],
            ..Rules::default()
        };
        let named = on(&["web"], &["db-1"]);
        assert!(rules.permit(Tool::SshConnect, &named, "c").is_err());
        let partly = on(&["x"], &["web-1", "db-1"]);
        assert!(rules.permit(Tool::SshConnect, &partly, "c").is_err());
        let whole = on(&["x"], &["web-1", "web-2"]);
        assert!(rules.permit(Tool::SshConnect, &whole, "c").is_ok());
    }

    #[test]
    fn a_star_is_any_run() {
        for (pattern, text, fits) in [
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("*", "", true),
            ("a", "ab", false),
            ("*b*", "abc", true),
            ("a*b*c", "a-c-b", false),
        ] {
            assert_eq!(wildcard(pattern, text), fits, "{pattern} {text}");
        }
    }
}
