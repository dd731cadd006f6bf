//! From an ask to what does it.

use schema::Fault;
use schema::tools::Tool;

use super::ask::Ask;
use super::{connect, daemon, exec, history, hosts, info, job, output};
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
    Tool::SshExec,
    Tool::SshHosts,
    Tool::SshInfo,
    Tool::SshList,
    Tool::SshReconnect,
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
