//! `ssh_connect`, `ssh_disconnect`, `ssh_clone`, `ssh_reconnect`.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use schema::limits::SESSION_WAIT;
use schema::spec::SshSpec;
use schema::tools::job::JobState;
use schema::tools::session::{SessionId, SshClone, SshConnect, SshConnected, SshDisconnect};
use schema::{Code, Fault, Id};

use super::{info, job, shell};
use crate::forward::Forward;
use crate::job::Job;
use crate::sessions::{ConnectRequest, Connected};
use crate::shell::Shell;
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// How long a session stays for its ended durable jobs to be removed from the
/// host.
const REMOVAL_WAIT: Duration = Duration::from_secs(3);

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
    tools.parts.sessions.get(&ask.id)?;
    let running: Vec<Arc<Job>> = tools
        .parts
        .jobs
        .list()
        .into_iter()
        .filter(|job| job.begun_as().target == ask.id.as_str())
        .filter(|job| job.status().state == JobState::Running)
        .collect();
    // sshd leaves what it started running when its link goes.
    let goes = |job: &&Arc<Job>| !job.begun_as().is_durable || ask.end_durable == Some(true);
    let ending = running.iter().filter(goes);
    futures::future::join_all(ending.map(|job| job::end(tools, job, "TERM"))).await;
    let (stays, ended): (Vec<_>, Vec<_>) = running
        .into_iter()
        .partition(|job| job.begun_as().is_durable && job.status().state == JobState::Running);
    let removals = ended.iter().filter(|job| job.begun_as().is_durable);
    let removals = futures::future::join_all(removals.map(|job| job.is_left()));
    if tokio::time::timeout(REMOVAL_WAIT, removals).await.is_err() {
        tracing::info!(session = %ask.id, "a job's folder stays on the host for seven days");
    }
    let (survived, ended): (Vec<_>, Vec<_>) =
        ended.into_iter().partition(|job| job.status().survived);
    let shells = shell::of_session(&tools.parts, ask.id.as_str());
    let goes = |shell: &&Arc<Shell>| !shell.facts().is_durable || ask.end_durable == Some(true);
    let ending = shells
        .iter()
        .filter(goes)
        .map(|shell| shell::end(tools, shell));
    for told in futures::future::join_all(ending).await {
        if let Err(fault) = told {
            tracing::warn!(session = %ask.id, %fault.message, "a shell was not ended");
        }
    }
    let forwards = tools.parts.sessions.disconnect(&ask.id).await?;
    let (stay, gone): (Vec<_>, Vec<_>) = shells
        .into_iter()
        .partition(|shell| shell.facts().is_durable && shell.end().is_none());
    let words = format!("disconnected {}", ask.id)
        + &forwards_named(&forwards)
        + &shells_named("; shells that ended with it: ", &gone)
        + &shells_named("; durable shells that go on on the host: ", &stay);
    let ended = named("; ended with it", &ended, "")
        + &named(
            "; told to end, and may still run on the host",
            &survived,
            "",
        );
    let stays = named(
        "; on the host goes on",
        &stays,
        ", and is followed again by an ssh_connect of the same id",
    );
    Ok(Answer::text(words + &ended + &stays))
}

fn forwards_named(forwards: &[Arc<Forward>]) -> String {
    if forwards.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = forwards.iter().map(|one| one.id().as_str()).collect();
    format!("; forwards that ended with it: {}", ids.join(", "))
}

fn shells_named(what: &str, shells: &[Arc<Shell>]) -> String {
    if shells.is_empty() {
        return String::new();
    }
    let ids: Vec<&str> = shells
        .iter()
        .map(|shell| shell.facts().id.as_str())
        .collect();
    what.to_owned() + &ids.join(", ")
}

fn named(what: &str, jobs: &[Arc<Job>], then: &str) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let each = jobs.iter();
    let each = each.map(|job| format!("job {} ({})", job.id(), job.begun_as().command));
    format!("{what}: {}{then}", each.collect::<Vec<_>>().join(", "))
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
