//! `ssh_hosts`: the aliases that a person's ssh_config names.

use schema::tools::session::{HostAliasRow, SshHosts};
use schema::{Code, Fault};

use crate::link::ssh_config::{HostAlias, aliases};
use crate::tools::answer::Answer;
use crate::tools::desk::Tools;

pub(super) async fn list(tools: &Tools, ask: SshHosts) -> Result<Answer, Fault> {
    let local = tools.parts.sessions.surroundings().local.clone();
    let found = match tokio::task::spawn_blocking(move || aliases(&local)).await {
        Ok(found) => found.map_err(|error| {
            Fault::new(Code::InvalidArgument, Fault::chain(&error))
                .next("a person corrects that file; specs with disable_ssh_config work without it")
        })?,
        Err(panic) => return Err(Fault::new(Code::Internal, panic.to_string())),
    };
    let query = ask.query.unwrap_or_default().to_lowercase();
    let wanted = |one: &HostAlias| {
        [&one.alias, &one.host]
            .iter()
            .any(|name| name.to_lowercase().contains(&query))
    };
    Answer::rows(found.into_iter().filter(wanted).map(row))
}

fn row(one: HostAlias) -> HostAliasRow {
    HostAliasRow {
        alias: one.alias,
        host: one.host,
        user: one.user,
        port: one.port,
        jump: one.jump,
    }
}
