//! How many session channels a server lets stand on one link (sshd's
//! `MaxSessions`), as far as its refusals have taught us.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// How long a refusal counts: a process that left its channel keeps its place
/// on the server until it ends, so what was full may have room again.
const REFUSAL_COUNTS: Duration = Duration::from_secs(30);

/// How soon the server is asked again after it refused though nothing of ours
/// stands: it may not have tidied up yet, or a process that nobody could end has
/// kept its place.
pub(super) const ASK_AGAIN: Duration = Duration::from_millis(250);

/// The places of one link.
#[derive(Debug)]
pub(super) struct Places {
    book: Mutex<Book>,
    /// Counts the places that were given back.
    freed: watch::Sender<u64>,
}

#[derive(Debug)]
struct Book {
    /// Asked for, and not answered yet.
    asked: usize,
    /// Taken: the server said yes, and the channel is not closed yet.
    taken: usize,
    /// The most that it allows, and when it said so.
    most: Option<(usize, Instant)>,
    /// Since when none is taken by a command.
    idle_since: Instant,
    /// The server has said yes before, so that a refusal is for want of a place.
    was_granted: bool,
    /// Not before this is it asked again.
    ask_at: Option<Instant>,
    /// Of those taken, one that stands ready for the next command.
    spares: usize,
}

/// One place, from the asking on; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Asked,
    Spare,
    Taken,
}

impl Places {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            book: Mutex::new(Book {
                asked: 0,
                taken: 0,
                most: None,
                idle_since: Instant::now(),
                was_granted: false,
                ask_at: None,
                spares: 0,
            }),
            freed: watch::Sender::new(0),
        })
    }

    /// A place to ask the server for; none when it would surely be refused.
    pub(super) fn ask(self: &Arc<Self>) -> Option<Place> {
        self.ask_where(Book::has_room)
    }

    /// The same for one that nobody needs yet: only where it takes nothing from
    /// those who do, which it would where the server allows a single one.
    pub(super) fn ask_spare(self: &Arc<Self>) -> Option<Place> {
        self.ask_where(|book| {
            let takes_none_away = book.most().is_none_or(|most| most > 1);
            book.spares == 0 && book.asked == 0 && takes_none_away && book.has_room()
        })
    }

    fn ask_where(self: &Arc<Self>, allowed: impl FnOnce(&Book) -> bool) -> Option<Place> {
        let mut book = self.lock();
        if !allowed(&book) {
            return None;
        }
        book.asked += 1;
        Some(Place {
            places: Arc::clone(self),
            state: State::Asked,
        })
    }

    /// Whether another command has a place, the spare one included.
    pub(super) fn has_room(&self) -> bool {
        let book = self.lock();
        book.spares > 0 || book.has_room()
    }

    /// How many may stand at once, where that is known.
    pub(super) fn most(&self) -> Option<usize> {
        self.lock().most()
    }

    /// How long no command had a place; none while one has.
    pub(super) fn idle_for(&self) -> Option<Duration> {
        let book = self.lock();
        (!book.is_busy()).then(|| book.idle_since.elapsed())
    }

    /// Changes whenever a place is given back.
    pub(super) fn freed(&self) -> watch::Receiver<u64> {
        self.freed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn most(&self) -> Option<usize> {
        let (most, said_at) = self.most?;
        (said_at.elapsed() < REFUSAL_COUNTS).then_some(most)
    }

    fn has_room(&self) -> bool {
        let may_ask = self.ask_at.is_none_or(|at| at <= Instant::now());
        let fits = |most| self.taken + self.asked < most;
        may_ask && self.most().is_none_or(fits)
    }

    fn is_busy(&self) -> bool {
        self.asked > 0 || self.taken > self.spares
    }
}

impl Place {
    /// The server said yes; `spare` while nobody uses it.
    pub(super) fn granted(&mut self, spare: bool) {
        let mut book = self.places.lock();
        if self.state == State::Asked {
            book.asked -= 1;
            book.taken += 1;
            book.was_granted = true;
            // Answers are heard in any order, so a refusal may have counted too few.
            let taken = book.taken;
            if let Some((most, _)) = &mut book.most {
                *most = taken.max(*most);
            }
        }
        book.spares += usize::from(spare);
        self.state = if spare { State::Spare } else { State::Taken };
    }

    /// The spare one has a user now.
    pub(super) fn used(&mut self) {
        if self.state == State::Spare {
            self.places.lock().spares -= 1;
            self.state = State::Taken;
        }
    }

    /// The server said no. How many it allows; none when it allowed none at
    /// all, so that this was not for want of a place.
    pub(super) fn refused(self) -> Option<usize> {
        let mut book = self.places.lock();
        if book.taken == 0 && book.asked == 1 && !book.was_granted {
            return None;
        }
        if book.taken == 0 {
            book.ask_at = Some(Instant::now() + ASK_AGAIN);
        }
        let most = book.taken.max(1);
        book.most = Some((most, Instant::now()));
        Some(most)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut book = self.places.lock();
        if self.state == State::Asked {
            book.asked -= 1;
        } else {
            book.taken -= 1;
            book.spares -= usize::from(self.state == State::Spare);
        }
        if !book.is_busy() {
            book.idle_since = Instant::now();
        }
        drop(book);
        self.places.freed.send_modify(|count| *count += 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(places: &Arc<Places>) -> Place {
        let mut place = places.ask().unwrap();
        place.granted(false);
        place
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_says_how_many_there_are_and_is_forgotten_after_a_while() {
        let places = Places::new();
        let first = taken(&places);
        let second = taken(&places);
        let third = places.ask().unwrap();
        assert_eq!(third.refused(), Some(2));
        assert_eq!(places.most(), Some(2));
        assert!(places.ask().is_none() && !places.has_room());
        let freed = places.freed();
        drop(first);
        assert!(freed.has_changed().unwrap());
        assert!(places.has_room());
        let again = taken(&places);
        assert!(places.ask().is_none());
        tokio::time::advance(REFUSAL_COUNTS).await;
        assert!(places.ask().is_some());
        drop((second, again));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_that_is_heard_before_the_consents_counts_too_few_only_till_then() {
        let places = Places::new();
        let mut asked: Vec<_> = (0..4).map(|_| places.ask().unwrap()).collect();
        assert_eq!(asked.pop().unwrap().refused(), Some(1));
        for place in &mut asked {
            place.granted(false);
        }
        assert_eq!(places.most(), Some(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_where_nothing_stands_is_not_for_want_of_a_place() {
        let places = Places::new();
        assert_eq!(places.ask().unwrap().refused(), None);
        drop(taken(&places));
        // A process that left its channel may keep its place there.
        assert_eq!(places.ask().unwrap().refused(), Some(1));
        assert!(places.ask().is_none() && !places.has_room());
        tokio::time::advance(ASK_AGAIN).await;
        assert!(places.ask().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn one_spare_is_kept_and_none_where_one_place_is_all_there_is() {
        let places = Places::new();
        let mut spare = places.ask_spare().unwrap();
        spare.granted(true);
        assert!(places.ask_spare().is_none());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(places.idle_for(), Some(Duration::from_secs(5)));
        spare.used();
        assert_eq!(places.idle_for(), None);
        assert_eq!(places.ask().unwrap().refused(), Some(1));
        drop(spare);
        assert!(places.ask_spare().is_none());
        assert!(places.ask().is_some());
    }
}
