//! One call's arguments, typed.

use schema::Fault;
use schema::spec::SshSpec;
use schema::tools::Tool;
use schema::tools::exec::SshExec;
use schema::tools::forward::{
    SshForwardCancel, SshForwardDynamic, SshForwardLocal, SshForwardRemote,
};
use schema::tools::history::HistoryFilter;
use schema::tools::job::{JobCancel, JobList, JobWait, OutputRead};
use schema::tools::session::{
    NoArguments, SessionId, SshClone, SshConnect, SshDisconnect, SshHosts,
};
use schema::tools::shell::{
    AnySession, OnSession, ShellClose, ShellRead, ShellResize, ShellRun, ShellWrite, SshShellOpen,
};
use serde::Serialize;
use serde_json::Value;

use super::file::FileAsk;
use super::typed::typed;
use super::{connect, forward};
use crate::link::Address;
use crate::link::ssh_config::hosts_behind;
use crate::tools::desk::Parts;
use crate::tools::permit::Subject;

/// Arguments of every tool that this version serves.
#[derive(Debug, Clone)]
pub(in crate::tools) enum Ask {
    Connect(Box<SshConnect>),
    Disconnect(SshDisconnect),
    List,
    Info(SessionId),
    Reconnect(SessionId),
    Clone(SshClone),
    Hosts(SshHosts),
    Exec(Box<SshExec>),
    File(Box<FileAsk>),
    ForwardLocal(Box<SshForwardLocal>),
    ForwardRemote(SshForwardRemote),
    ForwardDynamic(SshForwardDynamic),
    ForwardCancel(SshForwardCancel),
    ForwardsList(AnySession),
    ShellOpen(Box<SshShellOpen>),
    ShellRun(ShellRun<OnSession>),
    ShellWrite(ShellWrite<OnSession>),
    ShellRead(Box<ShellRead<OnSession>>),
    ShellResize(ShellResize<OnSession>),
    ShellClose(ShellClose<OnSession>),
    ShellList(AnySession),
    JobList(JobList),
    JobWait(JobWait),
    JobCancel(JobCancel),
    OutputRead(OutputRead),
    Status,
    Snapshot,
    History(HistoryFilter),
}

impl Ask {
    /// Reads checked arguments.
    pub(in crate::tools) fn read(tool: Tool, arguments: Value) -> Result<Self, Fault> {
        Ok(match tool {
            Tool::SshConnect => Self::Connect(Box::new(typed(tool, arguments)?)),
            Tool::SshDisconnect => Self::Disconnect(typed(tool, arguments)?),
            Tool::SshList => typed::<NoArguments>(tool, arguments).map(|_none| Self::List)?,
            Tool::SshHosts => Self::Hosts(typed(tool, arguments)?),
            Tool::SshInfo => Self::Info(typed(tool, arguments)?),
            Tool::SshReconnect => Self::Reconnect(typed(tool, arguments)?),
            Tool::SshClone => Self::Clone(typed(tool, arguments)?),
            Tool::SshExec => Self::Exec(Box::new(typed(tool, arguments)?)),
            Tool::SshForwardLocal => Self::ForwardLocal(Box::new(typed(tool, arguments)?)),
            Tool::SshForwardRemote => Self::ForwardRemote(typed(tool, arguments)?),
            Tool::SshForwardDynamic => Self::ForwardDynamic(typed(tool, arguments)?),
            Tool::SshForwardCancel => Self::ForwardCancel(typed(tool, arguments)?),
            Tool::SshForwardsList => Self::ForwardsList(typed(tool, arguments)?),
            Tool::SshShellOpen => Self::ShellOpen(Box::new(typed(tool, arguments)?)),
            Tool::SshShellRun => Self::ShellRun(typed(tool, arguments)?),
            Tool::SshShellWrite => Self::ShellWrite(typed(tool, arguments)?),
            Tool::SshShellRead => Self::ShellRead(Box::new(typed(tool, arguments)?)),
            Tool::SshShellResize => Self::ShellResize(typed(tool, arguments)?),
            Tool::SshShellClose => Self::ShellClose(typed(tool, arguments)?),
            Tool::SshShellList => Self::ShellList(typed(tool, arguments)?),
            Tool::JobList => Self::JobList(typed(tool, arguments)?),
            Tool::JobWait => Self::JobWait(typed(tool, arguments)?),
            Tool::JobCancel => Self::JobCancel(typed(tool, arguments)?),
            Tool::OutputRead => Self::OutputRead(typed(tool, arguments)?),
            Tool::Status => typed::<NoArguments>(tool, arguments).map(|_none| Self::Status)?,
            Tool::Snapshot => typed::<NoArguments>(tool, arguments).map(|_none| Self::Snapshot)?,
            Tool::History => Self::History(typed(tool, arguments)?),
            // Or none that is served.
            other => Self::File(Box::new(FileAsk::read(other, arguments)?)),
        })
    }

    /// The session it works on.
    pub(in crate::tools) fn session_id(&self) -> Option<&str> {
        match self {
            Self::Connect(ask) => Some(ask.id.as_str()),
            Self::Disconnect(ask) => Some(ask.id.as_str()),
            Self::Info(ask) | Self::Reconnect(ask) => Some(ask.id.as_str()),
            Self::Clone(ask) => Some(ask.new_id.as_str()),
            Self::Exec(ask) => Some(ask.session_id.as_str()),
            Self::File(ask) => Some(ask.session_id().as_str()),
            Self::ForwardLocal(ask) => Some(ask.session_id.as_str()),
            Self::ForwardRemote(ask) => Some(ask.session_id.as_str()),
            Self::ForwardDynamic(ask) => Some(ask.session_id.as_str()),
            Self::ForwardCancel(ask) => Some(ask.session_id.as_str()),
            Self::ShellOpen(ask) => Some(ask.session_id.as_str()),
            Self::ShellRun(ask) => Some(ask.owner.session_id.as_str()),
            Self::ShellWrite(ask) => Some(ask.owner.session_id.as_str()),
            Self::ShellRead(ask) => Some(ask.owner.session_id.as_str()),
            Self::ShellResize(ask) => Some(ask.owner.session_id.as_str()),
            Self::ShellClose(ask) => Some(ask.owner.session_id.as_str()),
            Self::ForwardsList(ask) | Self::ShellList(ask) => {
                ask.session_id.as_ref().map(schema::Id::as_str)
            }
            _ => None,
        }
    }

    /// What rules by host are matched against: of a session that is there, its
    /// own spec.
    pub(in crate::tools) fn subject(&self, parts: &Parts) -> Subject {
        let job = |id: &str| parts.jobs.get(id).map(|job| job.begun_as().target.clone());
        let ids: Vec<String> = match self {
            Self::Clone(ask) => vec![ask.source_id.to_string(), ask.new_id.to_string()],
            Self::JobWait(ask) => job(&ask.job_id).into_iter().collect(),
            Self::JobCancel(ask) => job(&ask.job_id).into_iter().collect(),
            Self::OutputRead(ask) => ask.job_id.as_deref().and_then(job).into_iter().collect(),
            _ => self
                .session_id()
                .map(ToOwned::to_owned)
                .into_iter()
                .collect(),
        };
        let there = |id: &String| parts.sessions.get(&schema::Id::new(id).ok()?).ok();
        let mut hosts: Vec<String> = ids
            .iter()
            .filter_map(|id| Some((id, there(id)?)))
            .flat_map(|(id, session)| hosts_of_spec(id, session.spec()))
            .collect();
        if let Self::Connect(ask) = self {
            let spec = ask.spec.clone().unwrap_or_default();
            hosts.extend(hosts_of_spec(ask.id.as_str(), &spec));
        }
        // Read although a spec may do without: a rule too many is no harm.
        let meant = if parts.rules.deny_hosts() {
            let local = &parts.sessions.surroundings().local;
            hosts
                .iter()
                .flat_map(|host| hosts_behind(host, local))
                .collect()
        } else {
            Vec::new()
        };
        Subject { ids, hosts, meant }
    }

    /// `user@host` for a person, when it works on a session.
    pub(in crate::tools) fn target(&self, parts: &Parts) -> Option<String> {
        match self {
            Self::Connect(ask) => {
                let spec = ask.spec.clone().unwrap_or_default();
                Some(connect::target(ask.id.as_str(), &spec))
            }
            Self::JobWait(ask) => Some(ask.job_id.clone()),
            Self::JobCancel(ask) => Some(ask.job_id.clone()),
            _ => {
                let id = schema::Id::new(self.session_id()?).ok()?;
                let session = parts.sessions.get(&id).ok()?;
                Some(connect::target(id.as_str(), session.spec()))
            }
        }
    }

    /// One line for a person.
    pub(in crate::tools) fn summary(&self) -> String {
        match self {
            Self::Exec(ask) => ask.command.replace(char::is_control, " "),
            Self::ShellRun(ask) => ask.command.replace(char::is_control, " "),
            Self::ShellWrite(ask) => ask.data.escape_debug().to_string(),
            Self::Clone(ask) => format!("{} from {}", ask.new_id, ask.source_id),
            Self::ForwardLocal(ask) => forward::local_summary(ask),
            Self::ForwardRemote(ask) => forward::remote_summary(ask),
            Self::ForwardDynamic(ask) => forward::dynamic_summary(ask),
            Self::ForwardCancel(ask) => ask.forward_id.to_string(),
            Self::File(ask) => ask.summary(),
            _ => self.session_id().unwrap_or_default().to_owned(),
        }
    }

    /// The arguments as JSON, without secrets: their types write none.
    pub(in crate::tools) fn safe_json(&self) -> String {
        fn json(ask: &impl Serialize) -> String {
            serde_json::to_string(ask).unwrap_or_default()
        }
        match self {
            Self::Connect(ask) => json(ask),
            Self::Disconnect(ask) => json(ask),
            Self::Info(ask) | Self::Reconnect(ask) => json(ask),
            Self::Clone(ask) => json(ask),
            Self::Exec(ask) => json(ask),
            Self::File(ask) => ask.json(),
            Self::Hosts(ask) => json(ask),
            Self::ForwardLocal(ask) => json(ask),
            Self::ForwardRemote(ask) => json(ask),
            Self::ForwardDynamic(ask) => json(ask),
            Self::ForwardCancel(ask) => json(ask),
            Self::ShellOpen(ask) => json(ask),
            Self::ShellRun(ask) => json(ask),
            Self::ShellWrite(ask) => json(ask),
            Self::ShellRead(ask) => json(ask),
            Self::ShellResize(ask) => json(ask),
            Self::ShellClose(ask) => json(ask),
            Self::ForwardsList(ask) | Self::ShellList(ask) => json(ask),
            Self::JobList(ask) => json(ask),
            Self::JobWait(ask) => json(ask),
            Self::JobCancel(ask) => json(ask),
            Self::OutputRead(ask) => json(ask),
            Self::History(ask) => json(ask),
            Self::List | Self::Status | Self::Snapshot => "{}".into(),
        }
    }
}

/// Every host that a spec names; the id itself where it names none.
fn hosts_of_spec(id: &str, spec: &SshSpec) -> Vec<String> {
    let jumps = spec.jump_hosts.iter().flat_map(|jump| &jump.addresses);
    let host = |text: &String| match text.parse::<Address>() {
        Ok(address) => address.host,
        // It will be refused as an address; here it may hit a rule.
        Err(_) => text.clone(),
    };
    let mut hosts: Vec<String> = spec.addresses.iter().chain(jumps).map(host).collect();
    if spec.addresses.is_empty() {
        hosts.push(id.to_owned());
    }
    hosts
}
