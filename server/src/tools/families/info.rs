//! `ssh_list` and `ssh_info`, and the same of `status`.

use schema::Fault;
use schema::tools::session::{SessionId, SessionInfo, SessionRow};

use super::shell;
use crate::clock::rfc3339;
use crate::link::LinkState;
use crate::sessions::{Failure, Session, View};
use crate::tools::answer::Answer;
use crate::tools::desk::Tools;

pub(super) fn list(tools: &Tools) -> Result<Answer, Fault> {
    Answer::rows(rows(tools))
}

pub(super) fn info(tools: &Tools, ask: &SessionId) -> Result<Answer, Fault> {
    let session = tools.parts.sessions.get(&ask.id)?;
    Answer::record(&of(tools, &session))
}

/// A row for each session.
pub(super) fn rows(tools: &Tools) -> Vec<SessionRow> {
    tools
        .parts
        .sessions
        .list()
        .iter()
        .map(|session| row(session, tools))
        .collect()
}

fn row(session: &Session, tools: &Tools) -> SessionRow {
    let (view, spec) = (session.view(), session.spec());
    let active = active_address(&view);
    SessionRow {
        id: session.id().to_string(),
        user: user(session, &view, tools),
        address: if active.is_empty() {
            spec.addresses
                .first()
                .cloned()
                .unwrap_or_else(|| session.id().to_string())
        } else {
            active
        },
        state: view.phase.into(),
        last_error: last_error(view.failure.as_ref()),
        persistent: spec.persistent,
        auto_reconnect: spec.auto_reconnect,
        forwards: forwards(tools, session)
            .len()
            .try_into()
            .unwrap_or(u32::MAX),
        shells: shells(tools, session).len().try_into().unwrap_or(u32::MAX),
    }
}

/// A session in full.
pub(super) fn of(tools: &Tools, session: &Session) -> SessionInfo {
    let (view, spec) = (session.view(), session.spec());
    let up = match &view.link {
        LinkState::Up(connection) => Some(connection),
        LinkState::Down => None,
    };
    let latency = up
        .map(|connection| connection.round_trip().as_millis())
        .unwrap_or_default();
    SessionInfo {
        id: session.id().to_string(),
        user: user(session, &view, tools),
        addresses: if spec.addresses.is_empty() {
            vec![session.id().to_string()]
        } else {
            spec.addresses.clone()
        },
        active_address: active_address(&view),
        state: view.phase.into(),
        last_error: last_error(view.failure.as_ref()),
        connected_at: view
            .connected_at
            .filter(|_| up.is_some())
            .map(rfc3339)
            .unwrap_or_default(),
        forwards: forwards(tools, session),
        shells: shells(tools, session),
        persistent: spec.persistent,
        auto_reconnect: spec.auto_reconnect,
        survives: survives(session),
        host_key: view.facts.host_key.clone(),
        kex: view.facts.kex.clone(),
        cipher: view.facts.cipher.clone(),
        insecure: spec.insecure,
        server_version: view.facts.server_version.clone(),
        latency_ms: u64::try_from(latency).unwrap_or(u64::MAX),
        reconnects: view.reconnects,
        next_retry_at: view.next_retry_at.map(rfc3339).unwrap_or_default(),
        opened_by: session.opened_by().to_owned(),
        ssh_config_ignored: view.facts.ssh_config_ignored.clone(),
    }
}

/// The ids of its forwards.
fn forwards(tools: &Tools, session: &Session) -> Vec<String> {
    let all = tools.parts.forwards.list(Some(session.id()));
    all.iter().map(|one| one.id().to_string()).collect()
}

/// The ids of its living shells.
fn shells(tools: &Tools, session: &Session) -> Vec<String> {
    let living = shell::of_session(&tools.parts, session.id().as_str());
    living.iter().map(|one| one.facts().id.clone()).collect()
}

/// Who is logged in; before the first link whoever the spec names.
fn user(session: &Session, view: &View, tools: &Tools) -> String {
    if !view.facts.user.is_empty() {
        return view.facts.user.clone();
    }
    let named = session.spec().user.clone();
    named.unwrap_or_else(|| tools.parts.user.clone())
}

fn active_address(view: &View) -> String {
    match &view.link {
        LinkState::Up(connection) => connection.address().to_string(),
        LinkState::Down => String::new(),
    }
}

fn last_error(failure: Option<&Failure>) -> String {
    failure
        .map(|failure| failure.message.clone())
        .unwrap_or_default()
}

/// What of the session outlives what, in words.
fn survives(session: &Session) -> String {
    let spec = session.spec();
    let dropped = if spec.auto_reconnect {
        "a dropped link is dialled again at once"
    } else {
        "a dropped link is dialled again by the next call"
    };
    let restart = match (spec.persistent, spec.without_secrets().1) {
        (false, _) => "it ends with the daemon (persistent is false)",
        (true, false) => "it comes back at every start of the daemon, until ssh_disconnect",
        (true, true) => {
            "it comes back at every start of the daemon, but its password or passphrase is kept in \
             memory only: it will then be needs_auth"
        }
    };
    format!("{dropped}; {restart}; commands in flight end with the link")
}
