//! Progress of a call: a client that gave a token hears that its call goes on,
//! early, and then often enough that it does not give up.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::job::Job;
use crate::link::Stream;

/// When the first word comes. Over HTTP it opens the answer, for which some
/// clients and proxies wait a few seconds only.
const FIRST_AFTER: Duration = Duration::from_secs(1);

/// How often the next ones come; the contract says 15 s at most.
const EVERY: Duration = Duration::from_secs(10);

/// Hands words on to the client; never waits.
type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// The progress of one call.
#[derive(Clone)]
pub struct Progress {
    tell: Tell,
    /// The job that the call waits for, once there is one.
    job: Arc<Mutex<Option<Arc<Job>>>>,
}

impl Progress {
    /// Progress that `tell` hands on.
    pub fn new(tell: Tell) -> Self {
        Self {
            tell,
            job: Arc::default(),
        }
    }

    /// From here on it is about `job`.
    pub(super) fn about(&self, job: &Arc<Job>) {
        *self.job.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(job));
    }

    /// Does `work`, and says how it stands as long as it goes on and is wanted.
    pub(super) async fn alongside<T>(
        &self,
        is_wanted: impl Fn() -> bool,
        work: impl Future<Output = T>,
    ) -> T {
        let mut work = pin!(work);
        let mut next = Instant::now() + FIRST_AFTER;
        loop {
            if let Ok(done) = timeout_at(next, work.as_mut()).await {
                return done;
            }
            if is_wanted() {
                self.say();
            }
            next = Instant::now() + EVERY;
        }
    }

    fn say(&self) {
        let job = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        let words = job.as_deref().map_or_else(|| "it goes on".into(), so_far);
        drop(job);
        (self.tell)(&words);
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress").finish_non_exhaustive()
    }
}

/// What a job did so far, in words.
pub(super) fn so_far(job: &Job) -> String {
    let took = job.took().as_secs();
    if let Some(words) = job.words() {
        return format!("runs for {took} s: {words}");
    }
    let (out, err) = (job.total(Stream::Stdout), job.total(Stream::Stderr));
    format!("runs for {took} s: {out} bytes of stdout, {err} of stderr so far")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listener() -> (Progress, Arc<Mutex<Vec<String>>>) {
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let told = Arc::clone(&heard);
        let progress = Progress::new(Arc::new(move |words| {
            told.lock().unwrap().push(words.to_owned());
        }));
        (progress, heard)
    }

    fn seconds(count: u64) -> tokio::time::Sleep {
        tokio::time::sleep(Duration::from_secs(count))
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_word_comes_after_a_second_and_the_next_ones_every_ten() {
        let (progress, heard) = listener();
        progress.alongside(|| true, async {}).await;
        assert_eq!(heard.lock().unwrap().len(), 0);
        progress.alongside(|| true, seconds(22)).await;
        assert_eq!(*heard.lock().unwrap(), ["it goes on"; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_told_of_what_nobody_wants_any_more() {
        let (progress, heard) = listener();
        progress.alongside(|| false, seconds(60)).await;
        assert_eq!(heard.lock().unwrap().len(), 0);
    }
}
