//! Upkeep of kept output: what is old goes, and so does what is over the limit.

use std::time::Duration;

use storage::spool::Limits;
use tokio_util::sync::CancellationToken;

use super::registry::Jobs;
use crate::clock::Clock;

/// How often it is looked whether the disk's limit is passed.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// How often what is old is looked for, in looks: once an hour.
const AGE_EVERY: u32 = 240;

/// Runs until the daemon stops.
pub async fn upkeep(jobs: Jobs, clock: Clock, stopping: CancellationToken) {
    let mut looks = 0_u32;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
        looks = looks.wrapping_add(1);
        let over = jobs.disk_bytes() > Limits::default().bytes_max;
        if over || looks.is_multiple_of(AGE_EVERY) {
            let (jobs, now_ms) = (jobs.clone(), clock.now_ms());
            let tidying = tokio::task::spawn_blocking(move || jobs.tidy(now_ms));
            if let Err(panic) = tidying.await {
                tracing::error!(%panic, "kept output was not tidied");
            }
        }
    }
}
