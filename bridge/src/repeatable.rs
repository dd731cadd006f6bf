//! What may be asked again of a new daemon after the old one went away with
//! the question: what reads only and consumes nothing.

/// Tools that read only and consume nothing.
///
/// To be replaced by the tool table of `schema` once it is there.
const REPEATABLE_TOOLS: [&str; 20] = [
    "docker_container_inspect",
    "docker_container_logs",
    "docker_containers",
    "docker_image_list",
    "docker_list_hosts",
    "docker_shell_list",
    "history",
    "history_show",
    "history_verify",
    "job_list",
    "output_read",
    "ssh_file_list",
    "ssh_file_read",
    "ssh_file_stat",
    "ssh_forwards_list",
    "ssh_hosts",
    "ssh_info",
    "ssh_list",
    "ssh_shell_list",
    "status",
];

/// Methods other than `tools/call` that read only.
const REPEATABLE_METHODS: [&str; 7] = [
    "initialize",
    "ping",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/discover",
    "tools/list",
];

/// Whether a call of that tool may be repeated.
pub(crate) fn repeatable_tool(name: &str) -> bool {
    REPEATABLE_TOOLS.contains(&name)
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
        assert!(repeatable_method("tools/list"));
        assert!(!repeatable_method("tools/call"));
    }
}
