//! `status` and `snapshot`.

use std::path::Path;

use schema::duration::GoDuration;
use schema::tools::daemon::{AuditStatus, Rehydration, Snapshot, Status};
use schema::{Code, Fault};

use super::{forward, info, job, shell};
use crate::clock::rfc3339_ms;
use crate::tools::answer::{Answer, More};
use crate::tools::desk::Tools;

pub(super) async fn status(tools: &Tools) -> Result<Answer, Fault> {
    let parts = &tools.parts;
    let uptime = parts
        .clock
        .now()
        .duration_since(tools.started_at)
        .unwrap_or_default();
    let sum = parts.sessions.rehydration();
    let (audit, folder) = (parts.audit.clone(), parts.state_path.clone());
    let measured = tokio::task::spawn_blocking(move || {
        let bytes = folder.parent().map(bytes_below).unwrap_or_default();
        (audit.count().unwrap_or_default(), bytes)
    });
    let (counts, disk_bytes) = measured.await.unwrap_or_default();
    let status = Answer::record(&Status {
        version: env!("CARGO_PKG_VERSION").into(),
        uptime: GoDuration::from_secs(uptime.as_secs()).to_string(),
        pid: std::process::id(),
        state_path: parts.state_path.display().to_string(),
        sessions: info::rows(tools),
        hosts: Vec::new(),
        forwards: forward::rows(tools, None),
        shells: shell::rows(tools),
        jobs: job::latest(tools),
        rehydration: Rehydration {
            total: sum.total,
            up: sum.up,
            pending: sum.pending,
            failed: sum.failed,
        },
        audit: AuditStatus {
            records: counts.records,
            oldest: counts.oldest_ms.map(rfc3339_ms).unwrap_or_default(),
        },
        disk_bytes,
        memory_bytes: resident_bytes(),
        tasks: (parts.tasks.len() + tools.calls.len()) as u64,
        upgrade_pending: false,
    })?;
    Ok(Answer {
        more: More::call("ssh_list, ssh_forwards_list, ssh_shell_list, job_list"),
        ..status
    })
}

pub(super) async fn snapshot(tools: &Tools) -> Result<Answer, Fault> {
    tools.parts.store.fence().await.map_err(|error| {
        let words = format!("the state cannot be written: {}", Fault::chain(&error));
        Fault::new(Code::Unavailable, words).next("make room on the disk and try again")
    })?;
    let audit = tools.parts.audit.clone();
    let flushed = tokio::task::spawn_blocking(move || audit.flush()).await;
    if let Ok(Err(error)) = flushed {
        let words = format!("the audit log cannot be written: {}", Fault::chain(&error));
        return Err(Fault::new(Code::Unavailable, words));
    }
    let path = tools.parts.state_path.display().to_string();
    Answer::record(&Snapshot { saved: true, path })
}

/// The size of all files in a folder and its folders; what cannot be read
/// counts as nothing.
fn bytes_below(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_gone) => 0,
        })
        .sum()
}

/// The resident set in bytes (proc(5), statm's second field, in pages).
#[cfg(target_os = "linux")]
fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * rustix::param::page_size() as u64
}

/// Not known without unsafe code here.
#[cfg(not(target_os = "linux"))]
fn resident_bytes() -> u64 {
    0
}
