//! What durable shells and jobs left on a host, for the command line: a model has
//! its own shells and jobs, and no others.

use std::sync::Arc;

use schema::control::{Leftover, Leftovers};
use schema::limits::SESSION_WAIT;
use schema::{Code, Fault, Id};

use super::front::{Front, Stage};
use crate::link::{Connection, Left, LeftKind, LinkError};

/// All of them.
pub(super) async fn list(front: &Front, session_id: &str) -> Result<Leftovers, Fault> {
    let connection = connection(front, session_id).await?;
    let left = connection
        .list_left()
        .await
        .map_err(|error| fault(&error))?;
    Ok(rows(&left))
}

/// Ends one, or all.
pub(super) async fn end(front: &Front, session_id: &str, mark: &str) -> Result<Leftovers, Fault> {
    let connection = connection(front, session_id).await?;
    let mut left = connection
        .list_left()
        .await
        .map_err(|error| fault(&error))?;
    // What another host runs is ended there.
    let is_here = |one: &Left| one.state != Left::ELSEWHERE;
    left.retain(|one| (mark == "all" && is_here(one)) || one.mark.to_string() == mark);
    if left.is_empty() {
        let words = format!("the host of {session_id} has no {mark} of ours");
        return Err(Fault::new(Code::NotFound, words).next(format!(
            "`remote-shell-mcp leftovers {session_id}` lists what is there"
        )));
    }
    for one in &left {
        let ended = connection.end_left(one).await;
        ended.map_err(|error| fault(&error))?;
        tracing::info!(session = session_id, mark = %one.mark, "ended what was left on a host");
    }
    Ok(rows(&left))
}

async fn connection(front: &Front, session_id: &str) -> Result<Arc<Connection>, Fault> {
    let id = Id::new(session_id)
        .map_err(|error| Fault::new(Code::InvalidArgument, error.to_string()))?;
    match front.settled_stage().await {
        Stage::Ready(tools) => tools.connection(&id, SESSION_WAIT).await,
        stage => Err(Fault::new(Code::Unavailable, front.hello(&stage).reason)),
    }
}

fn rows(left: &[Left]) -> Leftovers {
    let rows = left.iter().map(|one| Leftover {
        kind: match one.kind {
            LeftKind::Shell => "shell".into(),
            LeftKind::Job => "job".into(),
        },
        mark: one.mark.to_string(),
        state: one.state.clone(),
        holder: one.holder.clone(),
        label: one.label.clone(),
    });
    Leftovers {
        rows: rows.collect(),
    }
}

fn fault(error: &LinkError) -> Fault {
    Fault::new(error.code(), Fault::chain(error)).next(error.next_step())
}
