//! What the table says of a tool.

use crate::tools::words::words;

words! {
    /// A set of tools that a client can choose; a tool is in exactly one.
    Toolset {
        /// Sessions, commands, jobs, shells on sessions, history, status.
        Core = "core",
        /// What a session rarely needs; kept out of the core for its size.
        Ssh = "ssh",
        /// Files over SFTP.
        Files = "files",
        /// Port forwards.
        Forward = "forward",
        /// Docker.
        Docker = "docker",
    }
}

words! {
    /// What a call needs. A daemon in `read-only` mode allows the first two.
    Permission {
        /// It only looks.
        Read = "read",
        /// It makes or ends a connection.
        Connect = "connect",
        /// It runs or changes something, here or there.
        Change = "change",
    }
}

words! {
    /// What a result is.
    Answer {
        /// Plain words.
        Text = "text",
        /// One object.
        Record = "record",
        /// A list of flat objects with the same fields.
        Rows = "rows",
    }
}

/// MCP's hints to a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Annotations {
    /// It changes nothing.
    pub read_only: bool,
    /// It may end or overwrite something.
    pub destructive: bool,
    /// A second call with the same arguments changes nothing more.
    pub idempotent: bool,
    /// It reaches beyond the daemon.
    pub open_world: bool,
}

/// One tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// For a person, in a client's list.
    pub title: &'static str,
    /// Where it belongs.
    pub toolset: Toolset,
    /// When to use it, and when another; at most 600 bytes.
    pub description: &'static str,
    /// Hints to a client.
    pub annotations: Annotations,
    /// It may be sent a second time after the daemon died.
    pub repeatable: bool,
    /// What a call needs.
    pub permission: Permission,
    /// What its result is.
    pub answer: Answer,
}

impl Row {
    /// A tool that looks beyond the daemon and may be repeated.
    pub(super) const fn read(
        toolset: Toolset,
        answer: Answer,
        title: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            title,
            toolset,
            description,
            annotations: Annotations {
                read_only: true,
                destructive: false,
                idempotent: true,
                open_world: true,
            },
            repeatable: true,
            permission: Permission::Read,
            answer,
        }
    }

    /// A tool that changes something and may destroy; a second call does so
    /// again.
    pub(super) const fn change(
        toolset: Toolset,
        answer: Answer,
        title: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            annotations: Annotations {
                read_only: false,
                destructive: true,
                idempotent: false,
                open_world: true,
            },
            repeatable: false,
            permission: Permission::Change,
            ..Self::read(toolset, answer, title, description)
        }
    }

    /// A tool that makes or ends a connection; a second call changes nothing.
    pub(super) const fn connect(
        toolset: Toolset,
        answer: Answer,
        title: &'static str,
        description: &'static str,
    ) -> Self {
        Self {
            permission: Permission::Connect,
            ..Self::change(toolset, answer, title, description).idempotent()
        }
    }

    /// The same, known without leaving the daemon.
    pub(super) const fn inside(mut self) -> Self {
        self.annotations.open_world = false;
        self
    }

    /// The same, but what it read is gone for the next read.
    pub(super) const fn consuming(mut self) -> Self {
        self.annotations.idempotent = false;
        self.repeatable = false;
        self
    }

    /// The same, but it only adds.
    pub(super) const fn adding(mut self) -> Self {
        self.annotations.destructive = false;
        self
    }

    /// The same, but a second call changes nothing.
    pub(super) const fn idempotent(mut self) -> Self {
        self.annotations.idempotent = true;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tool;

    #[test]
    fn what_reads_changes_nothing_and_what_changes_is_never_repeated() {
        for tool in Tool::ALL {
            let row = tool.row();
            let reads = row.permission == Permission::Read;
            assert_eq!(row.annotations.read_only, reads, "{tool}");
            assert!(!(reads && row.annotations.destructive), "{tool}");
            assert!(reads || !row.repeatable, "{tool}");
        }
    }

    #[test]
    fn what_consumes_is_not_repeatable() {
        for tool in [
            Tool::JobWait,
            Tool::SshShellRead,
            Tool::DockerShellRead,
            Tool::SshExec,
        ] {
            assert!(!tool.repeatable(), "{tool}");
        }
        for tool in [Tool::SshList, Tool::Status, Tool::OutputRead, Tool::History] {
            assert!(tool.repeatable(), "{tool}");
        }
    }

    #[test]
    fn a_read_only_daemon_connects_and_looks_and_does_no_more() {
        for tool in [Tool::SshConnect, Tool::SshDisconnect, Tool::DockerConnect] {
            assert_eq!(tool.row().permission, Permission::Connect, "{tool}");
        }
        for tool in [
            Tool::SshExec,
            Tool::SshShellOpen,
            Tool::SshForwardLocal,
            Tool::SshDownload,
            Tool::HistoryReplay,
        ] {
            assert_eq!(tool.row().permission, Permission::Change, "{tool}");
        }
    }

    #[test]
    fn descriptions_have_a_measure() {
        let sizes = Tool::ALL.iter().map(|tool| tool.row().description.len());
        assert!(sizes.clone().all(|size| (40..=600).contains(&size)));
        assert!(sizes.sum::<usize>() <= 300 * Tool::ALL.len());
    }
}
