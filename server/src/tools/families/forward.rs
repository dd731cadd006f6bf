//! `ssh_forward_local`, `_remote`, `_dynamic`, `_cancel` and `ssh_forwards_list`.

use std::net::IpAddr;
use std::sync::Arc;

use schema::spec::{ForwardKind, ForwardSpec};
use schema::tools::forward::{
    ForwardInfo, ForwardState, ForwardWay, SshForwardCancel, SshForwardDynamic, SshForwardLocal,
    SshForwardRemote,
};
use schema::tools::shell::AnySession;
use schema::{Code, Fault, Id};

use super::connect::or_cancelled;
use crate::forward::{Forward, OpenForward, Stands};
use crate::sessions::Phase;
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// Where a forward listens unless its caller says otherwise (SECURITY 12).
const LOOPBACK: &str = "127.0.0.1";

pub(super) async fn local(
    tools: &Tools,
    ask: SshForwardLocal,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let kind = match (ask.remote_host, ask.remote_port, ask.remote_socket) {
        (Some(host), Some(port), None) => ForwardKind::Local {
            remote_host: host_of("remote_host", &host)?,
            remote_port: port_of("remote_port", port)?,
        },
        (None, None, Some(path)) => ForwardKind::LocalSocket {
            remote_socket: socket_of(path)?,
        },
        _ => {
            let words = "ssh_forward_local takes remote_host with remote_port, or remote_socket";
            return Err(Fault::new(Code::InvalidArgument, words));
        }
    };
    let spec = ForwardSpec {
        bind_addr: bind_addr_of(ask.bind_addr)?,
        bind_port: ask.bind_port,
        kind,
    };
    open(tools, ask.session_id, ask.forward_id, spec, caller).await
}

pub(super) async fn remote(
    tools: &Tools,
    ask: SshForwardRemote,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let local_host = ask.local_host.unwrap_or_else(|| LOOPBACK.to_owned());
    let spec = ForwardSpec {
        // RFC 4254 section 7.1 writes every interface so.
        bind_addr: bind_addr_of(ask.bind_addr)?.replace('*', ""),
        bind_port: ask.bind_port,
        kind: ForwardKind::Remote {
            local_host: host_of("local_host", &local_host)?,
            local_port: port_of("local_port", ask.local_port)?,
        },
    };
    open(tools, ask.session_id, ask.forward_id, spec, caller).await
}

pub(super) async fn dynamic(
    tools: &Tools,
    ask: SshForwardDynamic,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let spec = ForwardSpec {
        bind_addr: bind_addr_of(ask.bind_addr)?,
        bind_port: ask.bind_port,
        kind: ForwardKind::Dynamic,
    };
    open(tools, ask.session_id, ask.forward_id, spec, caller).await
}

async fn open(
    tools: &Tools,
    session_id: Id,
    id: Id,
    spec: ForwardSpec,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let opening = async {
        let sessions = tools.parts.sessions.clone();
        let session = sessions.settled(&session_id).await?;
        let open = OpenForward {
            is_persistent: session.spec().persistent,
            links: session.links(),
            session_id,
            id,
            spec,
        };
        let is_current = move || sessions.lists(&session);
        Ok(tools.parts.forwards.open(open, is_current).await?)
    };
    let forward = or_cancelled(caller, opening).await?;
    Answer::record(&info(tools, &forward))
}

pub(super) async fn cancel(tools: &Tools, ask: SshForwardCancel) -> Result<Answer, Fault> {
    let forwards = &tools.parts.forwards;
    let of_session = forwards.list(Some(&ask.session_id));
    if of_session.is_empty() {
        tools.parts.sessions.get(&ask.session_id)?;
    }
    let open = of_session
        .iter()
        .find(|one| *one.id() == ask.forward_id)
        .map_or(0, |one| one.stands().open);
    forwards.cancel(&ask.session_id, &ask.forward_id).await?;
    let with = match open {
        0 => String::new(),
        1 => " and its connection".to_owned(),
        more => format!(" and its {more} connections"),
    };
    Ok(Answer::text(format!("cancelled {}{with}", ask.forward_id)))
}

pub(super) fn list(tools: &Tools, ask: &AnySession) -> Result<Answer, Fault> {
    let rows = rows(tools, ask.session_id.as_ref());
    if let Some(id) = &ask.session_id
        && rows.is_empty()
    {
        tools.parts.sessions.get(id)?;
    }
    Answer::rows(rows)
}

/// All of them, or those of a session.
pub(super) fn rows(tools: &Tools, session_id: Option<&Id>) -> Vec<ForwardInfo> {
    let forwards = tools.parts.forwards.list(session_id);
    forwards.iter().map(|one| info(tools, one)).collect()
}

/// A forward in full.
fn info(tools: &Tools, forward: &Arc<Forward>) -> ForwardInfo {
    let (spec, stands) = (forward.spec(), forward.stands());
    let session = tools.parts.sessions.get(forward.session_id()).ok();
    let phase = session.map(|session| session.view().phase);
    let state = state_of(&stands, forward.is_remote(), phase);
    let mut info = ForwardInfo {
        id: forward.id().to_string(),
        session_id: forward.session_id().to_string(),
        kind: ForwardWay::Local,
        bind_addr: spec.bind_addr.clone(),
        bind_port: stands.port.unwrap_or_default(),
        remote_addr: String::new(),
        remote_port: 0,
        connections: stands.connections,
        local_spec: String::new(),
        remote_spec: String::new(),
        dynamic_spec: String::new(),
        state,
        open: stands.open,
        bytes_in: stands.bytes_in,
        bytes_out: stands.bytes_out,
        last_error: stands.last_error,
        note: String::new(),
    };
    let here = format!("{}:{}", bracketed(&spec.bind_addr), spec.bind_port);
    match &spec.kind {
        ForwardKind::Local {
            remote_host,
            remote_port,
        } => {
            info.local_spec = format!("{here}:{}:{remote_port}", bracketed(remote_host));
            info.remote_addr.clone_from(remote_host);
            info.remote_port = *remote_port;
        }
        ForwardKind::LocalSocket { remote_socket } => {
            info.local_spec = format!("{here}:{remote_socket}");
            info.remote_addr.clone_from(remote_socket);
        }
        ForwardKind::Remote {
            local_host,
            local_port,
        } => {
            info.kind = ForwardWay::Remote;
            info.remote_spec = format!("{here}:{}:{local_port}", bracketed(local_host));
            info.remote_addr.clone_from(local_host);
            info.remote_port = *local_port;
        }
        ForwardKind::Dynamic => {
            info.kind = ForwardWay::Dynamic;
            info.dynamic_spec = here;
        }
    }
    if !is_loopback(&spec.bind_addr) {
        info.note = exposed(forward);
    }
    info
}

/// The state of a forward whose session is in `phase`.
fn state_of(stands: &Stands, is_remote: bool, phase: Option<Phase>) -> ForwardState {
    let needs_a_person = matches!(phase, Some(Phase::NeedsAuth | Phase::HostKeyChanged));
    match stands.port {
        Some(_) if stands.is_up => ForwardState::Listening,
        _ if needs_a_person => ForwardState::Failed,
        // It has not been tried yet.
        None if stands.last_error.is_empty() => ForwardState::Waiting,
        None if stands.is_up || !is_remote => ForwardState::Degraded,
        _ => ForwardState::Waiting,
    }
}

/// One line for history, as ssh would be asked.
pub(super) fn local_summary(ask: &SshForwardLocal) -> String {
    let here = asked_bind(ask.bind_addr.as_deref(), ask.bind_port);
    let target = match (&ask.remote_host, &ask.remote_port, &ask.remote_socket) {
        (Some(host), Some(port), _) => format!("{}:{port}", bracketed(host)),
        (_, _, socket) => socket.clone().unwrap_or_default(),
    };
    format!("-L {here}:{target}")
}

/// The same.
pub(super) fn remote_summary(ask: &SshForwardRemote) -> String {
    let there = asked_bind(ask.bind_addr.as_deref(), ask.bind_port);
    let host = bracketed(ask.local_host.as_deref().unwrap_or(LOOPBACK));
    format!("-R {there}:{host}:{}", ask.local_port)
}

/// The same.
pub(super) fn dynamic_summary(ask: &SshForwardDynamic) -> String {
    format!("-D {}", asked_bind(ask.bind_addr.as_deref(), ask.bind_port))
}

fn asked_bind(address: Option<&str>, port: u16) -> String {
    format!("{}:{port}", bracketed(address.unwrap_or(LOOPBACK)))
}

/// That others than this machine's, or the host's, programs reach it.
fn exposed(forward: &Forward) -> String {
    let spec = forward.spec();
    let machine = if forward.is_remote() {
        "the host"
    } else {
        "this machine"
    };
    let address = match spec.bind_addr.as_str() {
        "" => "every address",
        other => other,
    };
    format!("it listens on {address}: whoever reaches {machine} there can use it")
}

fn is_loopback(address: &str) -> bool {
    let ip: Option<IpAddr> = address.parse().ok();
    ip.map_or(address == "localhost", |ip| ip.is_loopback())
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}

fn bind_addr_of(asked: Option<String>) -> Result<String, Fault> {
    match asked {
        None => Ok(LOOPBACK.to_owned()),
        // As for ssh, where it means every interface.
        Some(all) if all.is_empty() => Ok("*".to_owned()),
        Some(asked) => host_of("bind_addr", &asked),
    }
}

/// A name or address, without the brackets of IPv6.
fn host_of(field: &str, asked: &str) -> Result<String, Fault> {
    let host = asked
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(asked);
    let is_odd = |c: char| c.is_control() || c.is_whitespace();
    if host.is_empty() || host.len() > 255 || host.contains(is_odd) {
        let words = format!("{field} is a host's name or address, not {asked:?}");
        return Err(Fault::new(Code::InvalidArgument, words));
    }
    Ok(host.to_owned())
}

fn port_of(field: &str, asked: u16) -> Result<u16, Fault> {
    if asked == 0 {
        let words = format!("{field} is a port from 1 to 65535");
        return Err(Fault::new(Code::InvalidArgument, words));
    }
    Ok(asked)
}

fn socket_of(path: String) -> Result<String, Fault> {
    if !path.starts_with('/') || path.contains(char::is_control) {
        let words = format!("remote_socket is an absolute path on the host, not {path:?}");
        return Err(Fault::new(Code::InvalidArgument, words));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forward_says_where_it_stands() {
        let stands = |port: Option<u16>, is_up: bool, last_error: &str| Stands {
            port,
            is_up,
            last_error: last_error.into(),
            connections: 0,
            open: 0,
            bytes_in: 0,
            bytes_out: 0,
        };
        let (up, down) = (Some(Phase::Connected), Some(Phase::Reconnecting));
        for (stands, is_remote, phase, expected) in [
            (
                stands(Some(1), true, "x"),
                false,
                up,
                ForwardState::Listening,
            ),
            (
                stands(Some(1), false, ""),
                false,
                down,
                ForwardState::Waiting,
            ),
            (
                stands(Some(1), false, ""),
                false,
                Some(Phase::NeedsAuth),
                ForwardState::Failed,
            ),
            (stands(None, true, ""), true, up, ForwardState::Waiting),
            (
                stands(None, true, "refused"),
                true,
                up,
                ForwardState::Degraded,
            ),
            (
                stands(None, false, "taken"),
                false,
                down,
                ForwardState::Degraded,
            ),
            (
                stands(None, false, "lost"),
                true,
                down,
                ForwardState::Waiting,
            ),
            (
                stands(None, false, "lost"),
                true,
                Some(Phase::HostKeyChanged),
                ForwardState::Failed,
            ),
        ] {
            let state = state_of(&stands, is_remote, phase);
            assert_eq!(state, expected, "{stands:?} {is_remote} {phase:?}");
        }
    }

    #[test]
    fn an_address_is_loopback_only_if_it_is() {
        for address in ["127.0.0.1", "127.9.9.9", "::1", "localhost"] {
            assert!(is_loopback(address), "{address}");
        }
        for address in ["", "*", "0.0.0.0", "::", "10.0.0.1", "box"] {
            assert!(!is_loopback(address), "{address}");
        }
    }

    #[test]
    fn odd_hosts_ports_and_sockets_are_refused() {
        assert_eq!(host_of("h", "[::1]").unwrap(), "::1");
        assert_eq!(host_of("h", "db.local").unwrap(), "db.local");
        for odd in ["", "[]", "a b", "a\n", &"x".repeat(256)] {
            assert!(host_of("h", odd).is_err(), "{odd}");
        }
        assert!(port_of("p", 0).is_err());
        for odd in ["", "run/x.sock", "/a\0b"] {
            assert!(socket_of(odd.into()).is_err(), "{odd}");
        }
    }
}
