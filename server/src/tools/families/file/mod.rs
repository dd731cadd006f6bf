//! `ssh_file_*`: files of a session's host.

mod ask;
mod copy;
mod look;
mod open;
mod work;

use schema::Fault;

pub(in crate::tools) use ask::FileAsk;

use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

/// Does what is asked for.
pub(super) async fn run(tools: &Tools, ask: FileAsk, caller: &Caller) -> Result<Answer, Fault> {
    match ask {
        FileAsk::List(ask) => look::list(tools, ask, caller).await,
        FileAsk::Stat(ask) => look::stat(tools, ask, caller).await,
        FileAsk::Read(ask) => look::read(tools, ask, caller).await,
        FileAsk::Write(ask) => work::write(tools, ask, caller).await,
        FileAsk::Edit(ask) => work::edit(tools, ask, caller).await,
        FileAsk::Delete(ask) => work::delete(tools, ask, caller).await,
        FileAsk::Mkdir(ask) => work::mkdir(tools, ask, caller).await,
        FileAsk::Chmod(ask) => work::chmod(tools, ask, caller).await,
        FileAsk::Rename(ask) => work::rename(tools, ask, caller).await,
        FileAsk::Upload(ask) => copy::upload(tools, ask, caller).await,
        FileAsk::Download(ask) => copy::download(tools, ask, caller).await,
    }
}
