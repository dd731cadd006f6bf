//! Finding shells, and saying which there are.

use std::sync::Arc;

use schema::tools::shell::{AnySession, ShellInfo};
use schema::{Code, Fault, Id};

use super::info::info;
use crate::shell::{Owner, Shell};
use crate::tools::answer::Answer;
use crate::tools::desk::{Parts, Tools};

/// Names that an error lists.
const NAMED_MAX: usize = 20;

/// The shell of a session; an error names those that there are.
pub(super) fn find(parts: &Parts, session_id: &Id, shell_id: &Id) -> Result<Arc<Shell>, Fault> {
    let owner = Owner::Session(session_id.to_string());
    if let Some(found) = parts.shells.get(&owner, shell_id.as_str()) {
        return Ok(found);
    }
    let there = parts.shells.list(Some(session_id.as_str()));
    let names: Vec<&str> = there
        .iter()
        .map(|shell| shell.facts().id.as_str())
        .take(NAMED_MAX)
        .collect();
    let there = if names.is_empty() {
        "it has none".to_owned()
    } else {
        format!("it has {}", names.join(", "))
    };
    let words = format!("there is no shell {shell_id} on {session_id}; {there}");
    Err(Fault::new(Code::NotFound, words).next(
        "ssh_shell_open opens one; a shell that is not durable ends with its link and with the \
         daemon, and one that ended is kept for 10 minutes",
    ))
}

/// The living shells of a session.
pub(in crate::tools::families) fn of_session(parts: &Parts, session_id: &str) -> Vec<Arc<Shell>> {
    let mut shells = parts.shells.list(Some(session_id));
    shells.retain(|shell| shell.end().is_none());
    shells
}

/// All shells, ended ones too.
pub(in crate::tools::families) fn rows(tools: &Tools) -> Vec<ShellInfo> {
    let shells = tools.parts.shells.list(None);
    shells.iter().map(|shell| info(shell)).collect()
}

pub(in crate::tools::families) fn list(tools: &Tools, ask: &AnySession) -> Result<Answer, Fault> {
    let session = ask.session_id.as_ref().map(Id::as_str);
    let shells = tools.parts.shells.list(session);
    Answer::rows(shells.iter().map(|shell| info(shell)))
}
