//! `ssh_upload` and `ssh_download`: copies that go on as jobs.

use std::path::PathBuf;
use std::sync::Arc;

use schema::Fault;
use schema::limits::CALL_TIMEOUT_MS;
use schema::tools::Tool;
use schema::tools::file::{Copied, FileCopy};
use tokio::time::Instant;

use super::open::own_sftp_at;
use crate::files::{Download, FileError, Tally, Transfer, Upload, more_sftp};
use crate::job::{Errand, NewJob, Tells, start_errand};
use crate::tools::answer::Answer;
use crate::tools::caller::Caller;
use crate::tools::desk::Tools;
use crate::tools::families::{finish, waiting};

pub(super) async fn upload(tools: &Tools, ask: FileCopy, caller: &Caller) -> Result<Answer, Fault> {
    let links = tools.parts.sessions.get(&ask.session_id)?.links();
    copy(tools, Tool::SshUpload, ask, caller, |transfer| async move {
        let also = more_sftp(&links, &transfer.sftp).await;
        Upload::new(transfer, also).run().await
    })
    .await
}

pub(super) async fn download(
    tools: &Tools,
    ask: FileCopy,
    caller: &Caller,
) -> Result<Answer, Fault> {
    copy(
        tools,
        Tool::SshDownload,
        ask,
        caller,
        |transfer| async move {
            let large = Download::turns();
            Download { transfer, large }.run().await
        },
    )
    .await
}

async fn copy<Work>(
    tools: &Tools,
    tool: Tool,
    ask: FileCopy,
    caller: &Caller,
    work: impl FnOnce(Transfer) -> Work,
) -> Result<Answer, Fault>
where
    Work: Future<Output = Result<(), FileError>> + Send + 'static,
{
    let deadline = Instant::now() + caller.patience(ask.waiting.timeout_ms, CALL_TIMEOUT_MS);
    let (sftp, remote) = own_sftp_at(tools, &ask.session_id, &ask.remote_path, caller).await?;
    let tally = Arc::new(Tally::default());
    let command = match tool {
        Tool::SshUpload => format!("{} to {remote}", ask.local_path),
        _ => format!("{remote} to {}", ask.local_path),
    };
    let new = NewJob {
        tool: tool.as_str(),
        target: ask.session_id.to_string(),
        command,
        raw: false,
        started_at: tools.parts.clock.now(),
        seq: caller.seq,
        is_durable: false,
    };
    let told = Arc::clone(&tally);
    let tells = Tells(Arc::new(move || told.words()));
    let (local_path, begun) = (ask.local_path.clone(), Instant::now());
    let job = start_errand(
        &tools.parts.jobs,
        &tools.parts.tasks,
        new,
        tells,
        |cancelled| {
            let working = work(Transfer {
                sftp,
                local: PathBuf::from(&local_path),
                remote: remote.clone(),
                guard: tools.parts.local_guard.clone(),
                host: tools.parts.file_hosts.of(ask.session_id.as_str()),
                tally: Arc::clone(&tally),
                cancelled,
            });
            async move {
                let done = working.await;
                let copied = tally.copied();
                let exit_code = i32::from(done.is_err() || !copied.failed.is_empty());
                let result = Copied {
                    bytes: copied.bytes,
                    files: copied.files,
                    skipped: copied.skipped,
                    failed: copied.failed,
                    in_place: copied.in_place,
                    timed_out: false,
                    duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                    local_path,
                    remote_path: remote.to_string(),
                };
                Errand {
                    // Its keys are text, so it cannot fail.
                    result: serde_json::to_string(&result).unwrap_or_default(),
                    exit_code,
                    failed: done.err().map(Fault::from),
                }
            }
        },
    );
    caller.waits_for(&job);
    let room = finish::room(tools, caller, None);
    waiting::answer(tools, &job, ask.waiting, deadline, caller, room).await
}
