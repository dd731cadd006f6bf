//! From an ask to what does it.

use schema::Fault;
use schema::tools::Tool;

use super::ask::Ask;
use super::{connect, daemon, exec, file, forward, history, hosts, info, job, output, shell};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// The tools of this version, sorted by name.
pub(in crate::tools) const SERVED: &[Tool] = &[
    Tool::History,
    Tool::JobCancel,
    Tool::JobList,
    Tool::JobWait,
    Tool::OutputRead,
    Tool::Snapshot,
    Tool::SshClone,
    Tool::SshConnect,
    Tool::SshDisconnect,
    Tool::SshDownload,
    Tool::SshExec,
    Tool::SshFileChmod,
    Tool::SshFileDelete,
    Tool::SshFileEdit,
    Tool::SshFileList,
    Tool::SshFileMkdir,
    Tool::SshFileRead,
    Tool::SshFileRename,
    Tool::SshFileStat,
    Tool::SshFileWrite,
    Tool::SshForwardCancel,
    Tool::SshForwardDynamic,
    Tool::SshForwardLocal,
    Tool::SshForwardRemote,
    Tool::SshForwardsList,
    Tool::SshHosts,
    Tool::SshInfo,
    Tool::SshList,
    Tool::SshReconnect,
    Tool::SshShellClose,
    Tool::SshShellList,
    Tool::SshShellOpen,
    Tool::SshShellRead,
    Tool::SshShellResize,
    Tool::SshShellRun,
    Tool::SshShellWrite,
    Tool::SshUpload,
    Tool::Status,
];

/// Does what is asked for.
pub(in crate::tools) async fn run(
    tools: &Tools,
    ask: Ask,
    caller: &Caller,
) -> Result<Answer, Fault> {
    match ask {
        Ask::Connect(ask) => connect::connect(tools, *ask, caller).await,
        Ask::Disconnect(ask) => connect::disconnect(tools, ask).await,
        Ask::Clone(ask) => connect::clone(tools, ask, caller).await,
        Ask::Reconnect(ask) => connect::reconnect(tools, ask, caller).await,
        Ask::List => info::list(tools),
        Ask::Hosts(ask) => hosts::list(tools, ask).await,
        Ask::Info(ask) => info::info(tools, &ask),
        Ask::Exec(ask) => exec::exec(tools, *ask, caller).await,
        Ask::File(ask) => file::run(tools, *ask, caller).await,
        Ask::ForwardLocal(ask) => forward::local(tools, *ask, caller).await,
        Ask::ForwardRemote(ask) => forward::remote(tools, ask, caller).await,
        Ask::ForwardDynamic(ask) => forward::dynamic(tools, ask, caller).await,
        Ask::ForwardCancel(ask) => forward::cancel(tools, ask).await,
        Ask::ForwardsList(ask) => forward::list(tools, &ask),
        Ask::ShellOpen(ask) => shell::open(tools, *ask, caller).await,
        Ask::ShellRun(ask) => shell::run(tools, ask, caller).await,
        Ask::ShellWrite(ask) => shell::write(tools, ask, caller).await,
        Ask::ShellRead(ask) => shell::read(tools, *ask, caller).await,
        Ask::ShellResize(ask) => shell::resize(tools, ask).await,
        Ask::ShellClose(ask) => shell::close(tools, ask).await,
        Ask::ShellList(ask) => shell::list(tools, &ask),
        Ask::JobList(ask) => job::list(tools, &ask),
        Ask::JobWait(ask) => job::wait(tools, ask, caller).await,
        Ask::JobCancel(ask) => job::cancel(tools, ask).await,
        Ask::OutputRead(ask) => output::read(tools, ask).await,
        Ask::Status => daemon::status(tools).await,
        Ask::Snapshot => daemon::snapshot(tools).await,
        Ask::History(ask) => history::list(tools, ask).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_served_tool_reads_its_arguments() {
        assert!(SERVED.is_sorted_by_key(|tool| tool.as_str()));
        for tool in SERVED {
            let fault = Ask::read(*tool, serde_json::json!({})).err();
            let words = fault.map(|fault| fault.message).unwrap_or_default();
            assert!(!words.contains("not in this version"), "{tool}: {words}");
        }
    }
}
