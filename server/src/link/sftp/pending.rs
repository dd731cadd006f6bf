//! Requests that wait for their answers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::error::SftpError;
use super::reply::Reply;

/// The requests of one client.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    next: u32,
    waiting: HashMap<u32, oneshot::Sender<Reply>>,
    /// Answers so far.
    answered: u64,
    /// When something was last asked while nothing waited.
    waits_since: Option<Instant>,
    /// Why there will be no more answers.
    ended: Option<SftpError>,
}

/// One request's answer, to be waited for. Dropped, the answer is not wanted any more.
#[derive(Debug)]
pub(super) struct Answer {
    pending: Arc<Pending>,
    number: u32,
    reply: oneshot::Receiver<Reply>,
}

impl Pending {
    /// A number for a new request, and its answer.
    pub(super) fn begin(self: &Arc<Self>) -> Result<Answer, SftpError> {
        let (sender, reply) = oneshot::channel();
        let mut book = self.lock();
        if let Some(why) = &book.ended {
            return Err(why.clone());
        }
        // One that waits since four thousand million requests keeps its number.
        while book.waiting.contains_key(&book.next) {
            book.next = book.next.wrapping_add(1);
        }
        let number = book.next;
        book.next = number.wrapping_add(1);
        if book.waiting.is_empty() {
            book.waits_since = Some(Instant::now());
        }
        book.waiting.insert(number, sender);
        drop(book);
        Ok(Answer {
            pending: Arc::clone(self),
            number,
            reply,
        })
    }

    /// An answer came.
    pub(super) fn answer(&self, number: u32, reply: Reply) -> Result<(), SftpError> {
        let mut book = self.lock();
        let Some(waiting) = book.waiting.remove(&number) else {
            return Err(SftpError::wrong("an answer to nothing that was asked"));
        };
        book.answered += 1;
        book.waits_since = Some(Instant::now());
        drop(book);
        // Nobody may want it any more.
        drop(waiting.send(reply));
        Ok(())
    }

    /// How many answers came.
    pub(super) fn answered(&self) -> u64 {
        self.lock().answered
    }

    /// Whether something waits, and has for so long.
    pub(super) fn waits_since_long(&self, wait: Duration) -> bool {
        let book = self.lock();
        let is_long = |since: Instant| since.elapsed() >= wait;
        !book.waiting.is_empty() && book.waits_since.is_some_and(is_long)
    }

    /// There will be no more answers; the first reason counts.
    pub(super) fn end(&self, why: SftpError) {
        let mut book = self.lock();
        book.ended.get_or_insert(why);
        book.waiting.clear();
    }

    /// Why there will be no more answers.
    pub(super) fn ended(&self) -> Option<SftpError> {
        self.lock().ended.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// Waits for it.
    pub(super) async fn reply(self) -> Result<Reply, SftpError> {
        match self.reply.await {
            Ok(reply) => Ok(reply),
            Err(_ended) => Err(self
                .pending
                .ended()
                .unwrap_or_else(|| SftpError::Lost("it was closed".into()))),
        }
    }
}
