//! The closed set of tools: for each its name, its arguments and its row of
//! the table. Everything but [`Tool::generated_schema`] is constant, so that
//! who only asks for a name or a row carries no schema machinery.

use std::fmt;

use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::table::{Row, daemon, docker, file, forward, history, image, job, session, shell};
use super::{docker as d, exec as e, file as f, forward as w, history as h, job as j};
use super::{session as s, shell as t};
use crate::nearest::nearest;

macro_rules! tools {
    ($($tool:ident = $name:literal, $arguments:ty, $row:path;)+) => {
        /// Every tool, in the order of their names.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Tool {
            $(#[doc = concat!("`", $name, "`.")] $tool,)+
        }

        impl Tool {
            /// Every tool, in the order of their names.
            pub const ALL: &[Self] = &[$(Self::$tool),+];

            /// The name that clients call.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$tool => $name),+ }
            }

            /// Its row of the table.
            pub const fn row(self) -> &'static Row {
                match self { $(Self::$tool => &$row),+ }
            }

            /// Its arguments as the derive describes them, before
            /// [`super::input_schema`] makes them fit for clients.
            pub(super) fn generated_schema(self) -> Schema {
                match self { $(Self::$tool => generate::<$arguments>()),+ }
            }
        }
    };
}

tools! {
    DockerConnect = "docker_connect", d::DockerConnect, docker::CONNECT;
    DockerContainerInspect = "docker_container_inspect", d::ContainerId, docker::INSPECT;
    DockerContainerKill = "docker_container_kill", d::ContainerKill, docker::KILL;
    DockerContainerLogs = "docker_container_logs", d::ContainerLogs, docker::LOGS;
    DockerContainerRemove = "docker_container_remove", d::ContainerRemove, docker::REMOVE;
    DockerContainerRestart = "docker_container_restart", d::ContainerStop, docker::RESTART;
    DockerContainerStart = "docker_container_start", d::ContainerStop, docker::START;
    DockerContainerStop = "docker_container_stop", d::ContainerStop, docker::STOP;
    DockerContainers = "docker_containers", d::DockerContainers, docker::CONTAINERS;
    DockerDisconnect = "docker_disconnect", d::HostId, docker::DISCONNECT;
    DockerDownload = "docker_download", d::DockerCopy, image::DOWNLOAD;
    DockerExec = "docker_exec", d::DockerExec, docker::EXEC;
    DockerImageList = "docker_image_list", d::ImageList, image::LIST;
    DockerImagePull = "docker_image_pull", d::ImagePull, image::PULL;
    DockerImageRemove = "docker_image_remove", d::ImageRemove, image::REMOVE;
    DockerListHosts = "docker_list_hosts", s::NoArguments, docker::LIST_HOSTS;
    DockerRun = "docker_run", d::DockerRun, docker::RUN;
    DockerShellClose = "docker_shell_close", t::ShellClose<t::OnHost>, shell::DOCKER_CLOSE;
    DockerShellList = "docker_shell_list", t::AnyHost, shell::DOCKER_LIST;
    DockerShellOpen = "docker_shell_open", t::DockerShellOpen, shell::DOCKER_OPEN;
    DockerShellRead = "docker_shell_read", t::ShellRead<t::OnHost>, shell::DOCKER_READ;
    DockerShellResize = "docker_shell_resize", t::ShellResize<t::OnHost>, shell::DOCKER_RESIZE;
    DockerShellRun = "docker_shell_run", t::ShellRun<t::OnHost>, shell::DOCKER_RUN;
    DockerShellWrite = "docker_shell_write", t::ShellWrite<t::OnHost>, shell::DOCKER_WRITE;
    DockerUpload = "docker_upload", d::DockerCopy, image::UPLOAD;
    History = "history", h::HistoryFilter, history::HISTORY;
    HistoryReplay = "history_replay", h::HistoryReplay, history::REPLAY;
    HistoryShow = "history_show", h::HistoryShow, history::SHOW;
    HistoryVerify = "history_verify", h::HistoryVerify, history::VERIFY;
    JobCancel = "job_cancel", j::JobCancel, job::CANCEL;
    JobList = "job_list", j::JobList, job::LIST;
    JobWait = "job_wait", j::JobWait, job::WAIT;
    OutputRead = "output_read", j::OutputRead, job::OUTPUT_READ;
    Snapshot = "snapshot", s::NoArguments, daemon::SNAPSHOT;
    SshClone = "ssh_clone", s::SshClone, session::CLONE;
    SshConnect = "ssh_connect", s::SshConnect, session::CONNECT;
    SshDisconnect = "ssh_disconnect", s::SshDisconnect, session::DISCONNECT;
    SshDownload = "ssh_download", f::FileCopy, file::DOWNLOAD;
    SshExec = "ssh_exec", e::SshExec, job::EXEC;
    SshFileChmod = "ssh_file_chmod", f::FileChmod, file::CHMOD;
    SshFileDelete = "ssh_file_delete", f::FilePath, file::DELETE;
    SshFileEdit = "ssh_file_edit", f::FileEdit, file::EDIT;
    SshFileList = "ssh_file_list", f::FilePath, file::LIST;
    SshFileMkdir = "ssh_file_mkdir", f::FileMkdir, file::MKDIR;
    SshFileRead = "ssh_file_read", f::FileRead, file::READ;
    SshFileRename = "ssh_file_rename", f::FileRename, file::RENAME;
    SshFileStat = "ssh_file_stat", f::FilePath, file::STAT;
    SshFileWrite = "ssh_file_write", f::FileWrite, file::WRITE;
    SshForwardCancel = "ssh_forward_cancel", w::SshForwardCancel, forward::CANCEL;
    SshForwardDynamic = "ssh_forward_dynamic", w::SshForwardDynamic, forward::DYNAMIC;
    SshForwardLocal = "ssh_forward_local", w::SshForwardLocal, forward::LOCAL;
    SshForwardRemote = "ssh_forward_remote", w::SshForwardRemote, forward::REMOTE;
    SshForwardsList = "ssh_forwards_list", t::AnySession, forward::LIST;
    SshHosts = "ssh_hosts", s::SshHosts, session::HOSTS;
    SshInfo = "ssh_info", s::SessionId, session::INFO;
    SshList = "ssh_list", s::NoArguments, session::LIST;
    SshReconnect = "ssh_reconnect", s::SessionId, session::RECONNECT;
    SshShellClose = "ssh_shell_close", t::ShellClose<t::OnSession>, shell::SSH_CLOSE;
    SshShellList = "ssh_shell_list", t::AnySession, shell::SSH_LIST;
    SshShellOpen = "ssh_shell_open", t::SshShellOpen, shell::SSH_OPEN;
    SshShellRead = "ssh_shell_read", t::ShellRead<t::OnSession>, shell::SSH_READ;
    SshShellResize = "ssh_shell_resize", t::ShellResize<t::OnSession>, shell::SSH_RESIZE;
    SshShellRun = "ssh_shell_run", t::ShellRun<t::OnSession>, shell::SSH_RUN;
    SshShellWrite = "ssh_shell_write", t::ShellWrite<t::OnSession>, shell::SSH_WRITE;
    SshUpload = "ssh_upload", f::FileCopy, file::UPLOAD;
    Status = "status", s::NoArguments, daemon::STATUS;
}

impl Tool {
    /// The tool that is called so.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|tool| tool.as_str() == name)
    }

    /// The name nearest to one that no tool has.
    pub fn nearest(name: &str) -> &'static str {
        nearest(name, Self::ALL.iter().map(|tool| tool.as_str())).unwrap_or("status")
    }

    /// Whether a call may be sent a second time after the daemon died: it only
    /// reads, and consumes nothing.
    pub const fn repeatable(self) -> bool {
        self.row().repeatable
    }
}

impl fmt::Display for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn generate<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_sorted_and_found_by_their_names() {
        assert!(Tool::ALL.is_sorted_by(|a, b| a.as_str() < b.as_str()));
        for tool in Tool::ALL {
            assert_eq!(Tool::from_name(tool.as_str()), Some(*tool));
        }
        assert_eq!(Tool::from_name("ssh-list"), None);
    }

    #[test]
    fn a_name_is_up_to_forty_small_letters_digits_and_underscores() {
        for tool in Tool::ALL {
            let name = tool.as_str();
            assert!((1..=40).contains(&name.len()), "{name}");
            assert!(
                name.bytes()
                    .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'_')),
                "{name}"
            );
        }
    }

    #[test]
    fn a_wrong_name_is_answered_with_the_nearest_one() {
        assert_eq!(Tool::nearest("ssh_execute"), "ssh_exec");
        assert_eq!(Tool::nearest("docker_logs"), "docker_container_logs");
        assert_eq!(Tool::nearest("SSH_FileRead"), "ssh_file_read");
    }
}
