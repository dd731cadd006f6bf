//! The thread that moves the tail's entries into the newest segment.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::entry::{Content, Entry};
use super::error::AuditError;
use super::polls::HOLD;
use super::shared::{RESERVED_SEQS, Shared};
use super::shelf::End;

/// What a power cut can cost.
const FOLD_DELAY: Duration = Duration::from_millis(200);

/// After a failed fold; the disk may be full for long.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Entries of one commit.
const BATCH_MAX: usize = 4096;

/// Folds until the log closes.
pub(super) fn run(shared: &Shared) {
    let _ended = Ended(shared);
    loop {
        let closing = wait_for_work(shared);
        let result = fold(shared);
        let mut front = shared.front();
        let failed = result.is_err();
        if let Err(error) = result {
            tracing::error!(%error, cause = ?std::error::Error::source(&error), "the audit's tail could not be folded");
            front.failures += 1;
            front.failure = describe(&error);
        }
        let ends = closing && (failed || front.waiting.is_empty());
        front.closed = ends;
        shared.done.notify_all();
        if ends {
            return;
        }
        if failed {
            let waited = shared
                .wake
                .wait_timeout_while(front, RETRY_DELAY, |front| !front.closing);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }
}

/// However the thread ends, nobody waits for it any more, and no call runs that
/// could not be recorded.
struct Ended<'a>(&'a Shared);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut front = self.0.front();
        (front.closing, front.closed) = (true, true);
        if front.failure.is_empty() {
            front.failure = "the log was closed".into();
        }
        self.0.done.notify_all();
    }
}

/// Returns when something has waited for 200 ms or somebody waits for it; the
/// flag says that the log closes.
fn wait_for_work(shared: &Shared) -> bool {
    let mut front = shared.front();
    // Polls that are held together are looked at once a minute.
    while !front.is_pressing() && !front.has_work() {
        front.folder_rests = true;
        let (again, waited) = shared
            .wake
            .wait_timeout(front, HOLD)
            .unwrap_or_else(PoisonError::into_inner);
        front = again;
        front.folder_rests = false;
        if waited.timed_out() {
            front.absorb(false);
        }
    }
    let (front, _) = shared
        .wake
        .wait_timeout_while(front, FOLD_DELAY, |front| !front.is_pressing())
        .unwrap_or_else(PoisonError::into_inner);
    front.closing
}

/// Moves what waits to the newest segment, one commit of it.
pub(super) fn fold(shared: &Shared) -> Result<(), AuditError> {
    let (batch, before) = {
        let mut front = shared.front();
        front.absorb(false);
        let batch: Vec<Arc<Entry>> = front.waiting.iter().take(BATCH_MAX).cloned().collect();
        (batch, front.folded)
    };
    let Some(newest) = batch.last() else {
        return Ok(());
    };
    shared.shelf().append(&batch, before)?;
    let folded = End {
        number: newest.number,
        code: newest.code,
        last_seq: batch
            .iter()
            .rev()
            .find_map(|entry| Some(Content::from_body(&entry.body).ok()?.call()?.seq))
            .unwrap_or(before.last_seq),
    };
    shared.front().folded_up_to(folded);
    shared.done.notify_all();
    let mut head = shared.head();
    head.entry = folded.number;
    head.last_seq = folded.last_seq;
    head.set_code(&folded.code);
    if head.reserved_seq < folded.last_seq.saturating_add(RESERVED_SEQS / 2) {
        head.reserved_seq = folded.last_seq.saturating_add(RESERVED_SEQS);
    }
    // The entries are durable; a checkpoint that is behind says less, not wrong.
    let (written, reserved_seq) = (
        head.write(&shared.head_path, &shared.key),
        head.reserved_seq,
    );
    drop(head);
    match written {
        Ok(()) => {
            let mut front = shared.front();
            front.reserved_seq = front.reserved_seq.max(reserved_seq);
        }
        Err(error) => tracing::warn!(%error, "the audit's checkpoint could not be written"),
    }
    Ok(())
}

fn describe(error: &AuditError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}
