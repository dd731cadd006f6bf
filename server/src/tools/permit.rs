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
    /// Of the session's or Docker host's id.
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

impl Rules {
    /// Whether `client` may call `tool` on `host` (empty for none).
    pub(super) fn permit(&self, tool: Tool, host: &str, client: &str) -> Result<(), Fault> {
        if self.mode == Mode::ReadOnly && tool.row().permission == Permission::Change {
            return Err(denied(tool, "mode = \"read-only\""));
        }
        let hit = |rules: &[Pattern]| rules.iter().any(|rule| rule.matches(tool, host, client));
        if hit(&self.deny) {
            return Err(denied(tool, "a deny rule"));
        }
        if !self.allow.is_empty() && !hit(&self.allow) {
            return Err(denied(tool, "that no allow rule matches"));
        }
        Ok(())
    }
}

impl Pattern {
    fn matches(&self, tool: Tool, host: &str, client: &str) -> bool {
        let fits = |pattern: &Option<String>, text: &str| {
            pattern
                .as_deref()
                .is_none_or(|pattern| wildcard(pattern, text))
        };
        fits(&self.tool, tool.as_str()) && fits(&self.host, host) && fits(&self.client, client)
    }
}

fn denied(tool: Tool, by: &str) -> Fault {
    Fault::new(
        Code::Denied,
        format!("{tool} is forbidden here by config.toml: {by}"),
    )
    .next("a person can change config.toml; no tool can")
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
            let allowed = rules.permit(*tool, "web", "c").is_ok();
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
        assert!(rules.permit(Tool::SshExec, "web", "c").is_ok());
        assert!(rules.permit(Tool::SshExec, "prod-1", "c").is_err());
        assert!(rules.permit(Tool::DockerExec, "web", "c").is_err());
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
