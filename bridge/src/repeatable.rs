//! What may be asked again of a new daemon after the old one went away with
//! the question: what reads only and consumes nothing.

/// Methods other than `tools/call` that read only.
const REPEATABLE_METHODS: [&str; 8] = [
    "initialize",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "tasks/get",
    "tools/list",
];

/// Whether a call of that tool may be repeated.
pub(crate) fn repeatable_tool(name: &str) -> bool {
    schema::tools::Tool::from_name(name).is_some_and(schema::tools::Tool::repeatable)
}

/// Whether a request of that method, other than a tool call, may be repeated.
pub(crate) fn repeatable_method(method: &str) -> bool {
    REPEATABLE_METHODS.contains(&method)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_or_consumes_is_not_repeated() {
        assert!(repeatable_tool("ssh_list"));
        for name in [
            "ssh_exec",
            "ssh_shell_read",
            "docker_exec",
            "no_such_tool",
            "",
        ] {
            assert!(!repeatable_tool(name), "{name}");
        }
        assert!(repeatable_method("tools/list") && repeatable_method("tasks/get"));
        assert!(!repeatable_method("tools/call") && !repeatable_method("tasks/cancel"));
    }
}
