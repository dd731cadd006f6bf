//! Who comes to what a server listens on for us.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{ChannelOpenHandle, Msg};
use russh::{Channel, ChannelOpenFailure};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::tunnel::Tunnel;

/// Who may have come and not been looked at yet, of one listener.
const ARRIVALS_MAX: usize = 64;

/// The listeners of one link.
#[derive(Debug)]
pub(super) struct Listeners {
    book: Mutex<Book>,
    /// What becomes of connections is tidied up here.
    pub(super) tasks: TaskTracker,
    /// The link's end.
    closed: CancellationToken,
}

#[derive(Debug, Default)]
struct Book {
    next: u64,
    listed: BTreeMap<u64, Listed>,
}

#[derive(Debug)]
struct Listed {
    address: String,
    /// 0 until the server has said which it chose.
    port: u32,
    arrivals: mpsc::Sender<Arrival>,
}

/// Takes a listener off the list when it is dropped.
#[derive(Debug)]
pub(super) struct Listing {
    listeners: Arc<Listeners>,
    number: u64,
}

/// A client of what the server listens on. Dropped, it is turned away.
pub struct Arrival {
    channel: Channel<Msg>,
    reply: ChannelOpenHandle,
    tasks: TaskTracker,
    closed: CancellationToken,
}

impl Listeners {
    pub(super) fn new(closed: CancellationToken) -> Arc<Self> {
        Arc::new(Self {
            book: Mutex::default(),
            tasks: TaskTracker::new(),
            closed,
        })
    }

    /// A client came to `address`, `port` on the server; it is turned away when
    /// nobody of ours listens there, or when too many wait.
    pub(super) async fn arrived(
        &self,
        address: &str,
        port: u32,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
    ) {
        let found = self.lock().find(address, port);
        let Some(arrivals) = found else {
            tracing::warn!(port, "refused a forwarded connection that nobody asked for");
            let why = ChannelOpenFailure::AdministrativelyProhibited;
            return reply.reject(why).await;
        };
        let arrival = Arrival {
            channel,
            reply,
            tasks: self.tasks.clone(),
            closed: self.closed.clone(),
        };
        if let Err(mpsc::error::TrySendError::Full(arrival)) = arrivals.try_send(arrival) {
            tracing::warn!(port, "too many forwarded connections wait");
            arrival
                .reply
                .reject(ChannelOpenFailure::ResourceShortage)
                .await;
        }
    }

    /// Somebody listens on `address`, `port`; 0 until the server has chosen one.
    pub(super) fn list(
        self: &Arc<Self>,
        address: &str,
        port: u16,
    ) -> (Listing, mpsc::Receiver<Arrival>) {
        let (arrivals, taken) = mpsc::channel(ARRIVALS_MAX);
        let mut book = self.lock();
        let number = book.next;
        book.next += 1;
        let listed = Listed {
            address: address.to_owned(),
            port: u32::from(port),
            arrivals,
        };
        book.listed.insert(number, listed);
        drop(book);
        let listeners = Arc::clone(self);
        (Listing { listeners, number }, taken)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    fn find(&self, address: &str, port: u32) -> Option<mpsc::Sender<Arrival>> {
        let of_port = |one: &&Listed| one.port == port || one.port == 0;
        let exact = |one: &&Listed| one.port == port && one.address == address;
        // A server may name the address in its own way.
        let mut listed = self.listed.values();
        let found = listed.clone().find(exact).or_else(|| listed.find(of_port));
        found.map(|one| one.arrivals.clone())
    }
}

impl Listing {
    /// The server has said which port it chose.
    pub(super) fn has_port(&self, port: u16) {
        if let Some(listed) = self.listeners.lock().listed.get_mut(&self.number) {
            listed.port = u32::from(port);
        }
    }
}

impl Drop for Listing {
    fn drop(&mut self) {
        self.listeners.lock().listed.remove(&self.number);
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").finish_non_exhaustive()
    }
}

impl Arrival {
    /// Lets it in.
    pub async fn accept(self) -> Tunnel {
        self.reply.accept().await;
        Tunnel::new(self.channel, self.tasks, self.closed)
    }

    /// Turns it away, since its target cannot be reached.
    pub async fn refuse(self) {
        self.reply.reject(ChannelOpenFailure::ConnectFailed).await;
    }
}
