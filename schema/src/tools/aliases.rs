//! Old spellings of arguments that stay accepted. Schemas do not show them;
//! the check for unknown names knows them from here, and serde reads them (as
//! an alias, or by ignoring what means nothing any more).

use super::Tool;

/// One old spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alias {
    /// The tool that takes it.
    pub tool: Tool,
    /// The argument, at any depth, whose object holds it.
    pub within: &'static str,
    /// As it was written.
    pub old: &'static str,
    /// As it is written now; `None` when it is accepted and means nothing.
    pub new: Option<&'static str>,
}

/// Every old spelling.
pub const ALIASES: &[Alias] = &[
    Alias {
        tool: Tool::SshConnect,
        within: "auth",
        old: "agent",
        new: Some("use_agent"),
    },
    Alias {
        tool: Tool::DockerRun,
        within: "spec",
        old: "detach",
        new: None,
    },
];

/// The alias that `name` is in the object that `within` holds, if it is one.
pub fn find(tool: Tool, within: &str, name: &str) -> Option<&'static Alias> {
    ALIASES
        .iter()
        .find(|alias| alias.tool == tool && alias.within == within && alias.old == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::docker::DockerRun;
    use crate::tools::session::SshConnect;

    #[test]
    fn an_old_spelling_is_known_where_it_was_used_and_nowhere_else() {
        assert!(find(Tool::DockerRun, "spec", "detach").is_some());
        assert!(find(Tool::SshConnect, "spec", "detach").is_none());
        assert!(find(Tool::SshConnect, "spec", "agent").is_none());
    }

    #[test]
    fn every_old_spelling_is_read() {
        let connect = r#"{"id":"a","spec":{"auth":{"agent":true},
            "jump_hosts":[{"addresses":["b"],"auth":{"agent":false}}]}}"#;
        let spec = serde_json::from_str::<SshConnect>(connect)
            .unwrap()
            .spec
            .unwrap();
        assert_eq!(spec.auth.unwrap().use_agent, Some(true));
        assert_eq!(
            spec.jump_hosts[0].auth.as_ref().unwrap().use_agent,
            Some(false)
        );
        let run = r#"{"host_id":"local","spec":{"image":"alpine","detach":true}}"#;
        assert!(serde_json::from_str::<DockerRun>(run).is_ok());
    }
}
