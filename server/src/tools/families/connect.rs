//! `ssh_connect`, `ssh_disconnect`, `ssh_clone`, `ssh_reconnect`.

use std::future::Future;
use std::path::PathBuf;

use schema::limits::SESSION_WAIT;
use schema::spec::SshSpec;
use schema::tools::session::{SessionId, SshClone, SshConnect, SshConnected, SshDisconnect};
use schema::{Code, Fault, Id};

use super::info;
use crate::sessions::{ConnectRequest, Connected};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// `user@host` as far as a spec names them, for a person.
pub(super) fn target(id: &str, spec: &SshSpec) -> String {
    let host = spec.addresses.first().map_or(id, String::as_str);
    match &spec.user {
        Some(user) => format!("{user}@{host}"),
        None => host.to_owned(),
    }
}

/// Waits for `work`, or gives up when the client cancels the request.
pub(super) async fn or_cancelled<T>(
    caller: &Caller,
    work: impl Future<Output = Result<T, Fault>>,
) -> Result<T, Fault> {
    tokio::select! {
        done = work => done,
        () = caller.cancelled.cancelled() => {
            Err(Fault::new(Code::Cancelled, "the client cancelled the call"))
        }
    }
}

pub(super) async fn connect(
    tools: &Tools,
    ask: SshConnect,
    caller: &Caller,
) -> Result<Answer, Fault> {
    if ask.remember == Some(true) {
        let words = "ssh_connect: remember is not in this version yet";
        return Err(Fault::new(Code::Unavailable, words)
            .next("leave it out; the password then lives in memory until the daemon ends"));
    }
    let request = request(ask.id, ask.spec.unwrap_or_default(), caller);
    answer(tools, &open(tools, request, caller).await?)
}

pub(super) async fn clone(tools: &Tools, ask: SshClone, caller: &Caller) -> Result<Answer, Fault> {
    let source = tools.parts.sessions.get(&ask.source_id)?;
    let mut spec = source.spec().clone();
    if spec.addresses.is_empty() {
        // Its id was its address, and the clone has another id.
        spec.addresses = vec![ask.source_id.to_string()];
    }
    let request = request(ask.new_id, spec, caller);
    answer(tools, &open(tools, request, caller).await?)
}

pub(super) async fn disconnect(tools: &Tools, ask: SshDisconnect) -> Result<Answer, Fault> {
    let ended: Vec<String> = tools
        .parts
        .jobs
        .list()
        .iter()
        .filter(|job| job.begun_as().target == ask.id.as_str())
        .filter(|job| job.status().state == schema::tools::job::JobState::Running)
        .map(|job| format!("job {} ({})", job.id(), job.begun_as().command))
        .collect();
    tools.parts.sessions.disconnect(&ask.id).await?;
    let with = match ended.as_slice() {
        [] => String::new(),
        ended => format!("; ended with it: {}", ended.join(", ")),
    };
    Ok(Answer::text(format!("disconnected {}{with}", ask.id)))
}

pub(super) async fn reconnect(
    tools: &Tools,
    ask: SessionId,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let session = tools.parts.sessions.get(&ask.id)?;
    if let Some(agent) = agent_of(caller) {
        session.bring_agent(agent).await;
    }
    or_cancelled(caller, async { Ok(session.reconnect(SESSION_WAIT).await?) }).await?;
    Answer::record(&info::of(tools, &session))
}

fn request(id: Id, spec: SshSpec, caller: &Caller) -> ConnectRequest {
    let cwd = &caller.context.cwd;
    ConnectRequest {
        id,
        spec,
        client: caller.client.clone(),
        agent: agent_of(caller),
        cwd: (!cwd.is_empty()).then(|| cwd.clone()),
    }
}

pub(super) fn agent_of(caller: &Caller) -> Option<PathBuf> {
    let path = &caller.context.ssh_auth_sock;
    (!path.is_empty()).then(|| PathBuf::from(path))
}

async fn open(tools: &Tools, request: ConnectRequest, caller: &Caller) -> Result<Connected, Fault> {
    or_cancelled(caller, async {
        Ok(tools.parts.sessions.connect(request).await?)
    })
    .await
}

fn answer(tools: &Tools, connected: &Connected) -> Result<Answer, Fault> {
    let session = info::of(tools, &connected.session);
    Answer::record(&SshConnected {
        session,
        reused: connected.reused,
    })
}
