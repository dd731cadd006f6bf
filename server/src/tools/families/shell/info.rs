//! A shell as callers see it.

use schema::tools::shell::{Keyboard, ShellInfo};

use crate::clock::rfc3339;
use crate::shell::{Owner, Shell};

/// As it is now.
pub(in crate::tools::families) fn info(shell: &Shell) -> ShellInfo {
    let facts = shell.facts();
    let (session_id, host_id, container) = match &facts.owner {
        Owner::Session(id) => (id.clone(), String::new(), String::new()),
        Owner::Container(host, container) => (String::new(), host.clone(), container.clone()),
    };
    let (rows, cols) = shell.size();
    let end = shell.end();
    ShellInfo {
        id: facts.id.clone(),
        session_id,
        host_id,
        container,
        opened_at: rfc3339(facts.opened_at),
        buffered_bytes: shell.unread(),
        closed: end.is_some(),
        rows: rows.into(),
        cols: cols.into(),
        cursor: shell.cursor(),
        exit_code: end.as_ref().and_then(|end| end.exit_code).unwrap_or(0),
        durable: facts.is_durable,
        holder: shell.holder().to_owned(),
        lost_reason: end.map(|end| end.lost_reason).unwrap_or_default(),
        keyboard: Keyboard::Model,
    }
}
