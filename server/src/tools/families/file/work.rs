//! What changes files. Each goes to its end in a task of its own, so that a caller who
//! gives up leaves nothing half done.

use std::future::Future;
use std::sync::Arc;

use schema::tools::file::{
    FileChmod, FileEdit, FileEdited, FileMkdir, FilePath, FileRename, FileWrite, FileWritten,
};
use schema::{Code, Fault};
use tokio_util::sync::CancellationToken;

use super::open::sftp_at;
use crate::files::{self, Content, Edit, FileError, FileHost, How, RemotePath};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;

pub(super) async fn write(tools: &Tools, ask: FileWrite, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let host = tools.parts.file_hosts.of(ask.session_id.as_str());
    let mode = ask.mode.map(schema::tools::file::Mode::bits);
    let bytes = ask.data.len() as u64;
    let written = to_its_end(tools, caller, |cancelled| async move {
        let content = Content::Bytes(ask.data.into());
        let turn = files::turn(&host, &sftp, &path).await?;
        if ask.append == Some(true) {
            return files::append(&sftp, &turn.path, &content, mode).await;
        }
        let how = How {
            mode,
            in_place: ask.atomic == Some(false),
            ..how(cancelled, &host)
        };
        files::write_resolved(&sftp, &turn.path, &content, &how).await
    });
    Answer::record(&FileWritten {
        bytes_written: bytes,
        atomic: written.await?.is_atomic,
    })
}

pub(super) async fn edit(tools: &Tools, ask: FileEdit, caller: &Caller) -> Result<Answer, Fault> {
    if ask.old.is_empty() || ask.old == ask.new {
        let words = "ssh_file_edit: old must be some text, and new another";
        return Err(Fault::new(Code::InvalidArgument, words));
    }
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let host = tools.parts.file_hosts.of(ask.session_id.as_str());
    let wanted = Edit {
        old: ask.old,
        new: ask.new,
        all: ask.all == Some(true),
        expect_sha256: ask.expect_sha256,
    };
    let edited = to_its_end(tools, caller, |cancelled| async move {
        let turn = files::turn(&host, &sftp, &path).await?;
        files::edit(&sftp, &turn.path, &wanted, how(cancelled, &host)).await
    });
    let edited = edited.await?;
    Answer::record(&FileEdited {
        replacements: edited.replacements as u64,
        sha256: edited.sha256,
        diff: edited.diff,
        atomic: edited.is_atomic,
    })
}

pub(super) async fn delete(tools: &Tools, ask: FilePath, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let words = format!("deleted {path}");
    let deleted = to_its_end(tools, caller, |_| async move {
        files::delete(&sftp, &path).await
    });
    deleted.await?;
    Ok(Answer::text(words))
}

pub(super) async fn mkdir(tools: &Tools, ask: FileMkdir, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let (words, parents) = (format!("created {path}"), ask.recursive == Some(true));
    let made = to_its_end(tools, caller, |_| async move {
        files::mkdir(&sftp, &path, parents).await
    });
    let was_there = if made.await? { "" } else { " (it was there)" };
    Ok(Answer::text(words + was_there))
}

pub(super) async fn chmod(tools: &Tools, ask: FileChmod, caller: &Caller) -> Result<Answer, Fault> {
    let (sftp, path) = sftp_at(tools, &ask.session_id, &ask.path, caller).await?;
    let set = to_its_end(tools, caller, |_| async move {
        files::set_mode(&sftp, &path, ask.mode.bits()).await
    });
    set.await?;
    Ok(Answer::text("chmod ok".to_owned()))
}

pub(super) async fn rename(
    tools: &Tools,
    ask: FileRename,
    caller: &Caller,
) -> Result<Answer, Fault> {
    let (sftp, from) = sftp_at(tools, &ask.session_id, &ask.from, caller).await?;
    let to = files::absolute(&sftp, &RemotePath::new(&ask.to)?).await;
    let renamed = to_its_end(tools, caller, |_| async move {
        files::rename(&sftp, &from, &to, ask.overwrite == Some(true)).await
    });
    renamed.await?;
    Ok(Answer::text("renamed".to_owned()))
}

/// How a file is written that its caller goes on to rely on.
fn how(cancelled: CancellationToken, host: &Arc<FileHost>) -> How {
    How {
        cancelled,
        syncs: true,
        host: Arc::clone(host),
        ..How::default()
    }
}

/// What a link that died had asked for may be done.
fn cut_off(error: FileError) -> Fault {
    if !error.is_lost() {
        return error.into();
    }
    let words = format!("whether it was done is unknown: {error}");
    Fault::new(Code::OutcomeUnknown, words)
        .next("ssh_file_stat or ssh_file_read what is there before repeating it")
}

/// Runs `work` to its end. Who gives up has it told so, and it ends soon.
async fn to_its_end<T, Work>(
    tools: &Tools,
    caller: &Caller,
    work: impl FnOnce(CancellationToken) -> Work,
) -> Result<T, Fault>
where
    T: Send + 'static,
    Work: Future<Output = Result<T, FileError>> + Send + 'static,
{
    let cancelled = CancellationToken::new();
    let working = tools.parts.tasks.spawn(work(cancelled.clone()));
    let _giving_up = cancelled.drop_guard();
    tokio::select! {
        biased;
        done = working => match done {
            Ok(done) => done.map_err(cut_off),
            Err(_panic) => {
                let words = "a defect of this program ended the call; the daemon's log has more";
                Err(Fault::new(Code::Internal, words))
            }
        },
        () = caller.cancelled.cancelled() => {
            Err(Fault::new(Code::Cancelled, "the client cancelled the call"))
        }
    }
}
