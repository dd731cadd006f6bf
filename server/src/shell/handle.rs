//! One shell: what it printed, and the way to its keyboard.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::paper::Paper;
use crate::link::{Ended, OutputSink, Stream, TerminalOrder, Typed, Typing};

/// Orders that wait for the terminal: each is one caller's, who waits too.
const ORDERS_MAX: usize = 64;

/// Whose a shell is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// A session's, by its id.
    Session(String),
    /// A container's: the Docker host's id, and the container.
    Container(String, String),
}

/// What is known of a shell from its beginning.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Whose it is.
    pub owner: Owner,
    /// The caller's name for it.
    pub id: String,
    /// The time of day.
    pub opened_at: SystemTime,
    /// It lives under a holder on its host, and outlives link and daemon.
    pub is_durable: bool,
    /// An earlier daemon opened it: whether a line runs in it is not known.
    pub is_restored: bool,
}

/// A shell. Lives in the registry and in the task that drives its terminal.
#[derive(Debug)]
pub struct Shell {
    facts: Facts,
    holder: OnceLock<String>,
    paper: Mutex<Paper>,
    /// Counts what happened, so that whoever waits wakes up.
    changed: watch::Sender<u64>,
    orders: mpsc::Sender<TerminalOrder>,
    closing: CancellationToken,
    opened: CancellationToken,
    /// A terminal is there that types; of a durable shell it comes and goes.
    is_attached: AtomicBool,
    /// Held by whoever runs a line in it.
    pub(super) running: tokio::sync::Mutex<()>,
}

/// Why nothing was typed, or not all.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TypeError {
    /// There is nobody to type to.
    #[error("it has ended")]
    Ended,
    /// The program reads nothing.
    #[error("what runs in it takes no input; {sent} bytes were typed")]
    Stuck {
        /// How many went out.
        sent: usize,
    },
    /// The terminal went away in the middle; the shell lives.
    #[error(
        "its terminal was lost after {sent} bytes were sent; whether they were typed is not known"
    )]
    Detached {
        /// How many went out.
        sent: usize,
    },
    /// No terminal took it. Nothing was typed.
    #[error("no terminal is attached to it now, and nothing was typed")]
    NotAttached,
}

impl Shell {
    /// A new one of a size, and the orders that its driver is to obey.
    pub fn new(facts: Facts, rows: u16, cols: u16) -> (Arc<Self>, mpsc::Receiver<TerminalOrder>) {
        let (orders, taken) = mpsc::channel(ORDERS_MAX);
        let is_durable = facts.is_durable;
        let shell = Arc::new(Self {
            facts,
            holder: OnceLock::new(),
            paper: Mutex::new(Paper::new(rows, cols)),
            changed: watch::Sender::new(0),
            orders,
            closing: CancellationToken::new(),
            opened: CancellationToken::new(),
            is_attached: AtomicBool::new(!is_durable),
            running: tokio::sync::Mutex::default(),
        });
        (shell, taken)
    }

    /// What is known of it from its beginning.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The holder and its name on the host; empty for none.
    pub fn holder(&self) -> &str {
        self.holder.get().map_or("", String::as_str)
    }

    /// It is known under which holder it lives.
    pub(super) fn set_holder(&self, holder: String) {
        if !holder.is_empty() && self.holder.set(holder).is_err() {
            tracing::debug!(shell = self.facts.id, "its holder was known");
        }
    }

    /// How it ended; none while it lives.
    pub fn end(&self) -> Option<End> {
        self.paper().end().cloned()
    }

    /// Its size: rows and columns.
    pub fn size(&self) -> (u16, u16) {
        self.paper().size()
    }

    /// The position behind the last output that is shown.
    pub fn cursor(&self) -> u64 {
        self.paper().buffer().end()
    }

    /// How many bytes of its output were taken, whatever became of them.
    pub(super) fn taken(&self) -> u64 {
        self.paper().taken()
    }

    /// Whether a terminal types into it now.
    pub(super) fn set_attached(&self, is_attached: bool) {
        self.is_attached.store(is_attached, Ordering::Relaxed);
    }

    /// What no read without a cursor has taken, in bytes.
    pub fn unread(&self) -> u64 {
        self.paper().unread()
    }

    /// Whether what is typed next seems to be a secret.
    pub fn asks_secret(&self) -> bool {
        self.paper().asks_secret()
    }

    /// Fires when its terminal is open.
    pub fn opened(&self) -> &CancellationToken {
        &self.opened
    }

    /// Fires when somebody ends it.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    /// Types `bytes`, all of them before anything else. Waits until `limit` for a
    /// program that reads.
    pub async fn type_in(&self, bytes: Vec<u8>, limit: Instant) -> Result<(), TypeError> {
        if self.end().is_some() {
            return Err(TypeError::Ended);
        }
        let (typing, mut typed) = Typing::new(bytes);
        let handing = async {
            let order = TerminalOrder::Type(typing);
            self.orders.send(order).await.is_ok() && typed.done().await
        };
        match tokio::time::timeout_at(limit, handing).await {
            Ok(true) => {
                self.paper().typed();
                Ok(())
            }
            Ok(false) if self.end().is_some() => Err(TypeError::Ended),
            Ok(false) => Err(match typed.give_up() {
                Some(sent) => TypeError::Detached { sent },
                None => TypeError::NotAttached,
            }),
            Err(_late) => Err(match typed.give_up() {
                Some(sent) => TypeError::Stuck { sent },
                None if self.is_attached.load(Ordering::Relaxed) => TypeError::Stuck { sent: 0 },
                None => TypeError::NotAttached,
            }),
        }
    }

    /// Gives it another size.
    pub async fn resize(&self, rows: u16, cols: u16) -> Result<(), TypeError> {
        if self.end().is_some() {
            return Err(TypeError::Ended);
        }
        let order = TerminalOrder::Resize { rows, cols };
        if self.orders.send(order).await.is_err() {
            return Err(TypeError::Ended);
        }
        self.paper().resize(rows, cols);
        Ok(())
    }

    /// Ends it, and waits until it has.
    pub async fn close(&self) {
        self.closing.cancel();
        let mut changes = self.changes();
        while self.end().is_none() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// It has ended.
    pub fn ended(&self, end: End) {
        self.change(|paper| paper.set_end(end));
    }

    /// What its terminal's channel came to.
    pub fn channel_ended(&self, ended: &Ended) {
        self.ended(End::of(ended, self.closing.is_cancelled()));
    }

    /// Something is missing in its output.
    pub fn skip(&self, bytes: u64) {
        self.change(|paper| paper.skip(bytes));
    }

    /// Changes are counted here, for whoever waits for the next.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub(super) fn paper(&self) -> MutexGuard<'_, Paper> {
        self.paper.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it shows, and wakes whoever waits.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Paper) -> T) -> T {
        let done = change(&mut self.paper());
        self.changed.send_modify(|count| *count += 1);
        done
    }

    /// Looks, or changes what nobody waits for.
    pub(super) fn change_quietly<T>(&self, change: impl FnOnce(&mut Paper) -> T) -> T {
        change(&mut self.paper())
    }

    /// Types what the terminal itself answers; one that reads nothing gets none.
    fn answer(&self, bytes: Vec<u8>) {
        let (typing, _typed): (_, Typed) = Typing::new(bytes);
        if self.orders.try_send(TerminalOrder::Type(typing)).is_err() {
            tracing::debug!(
                shell = self.facts.id,
                "a question of its program stays open"
            );
        }
    }
}

impl OutputSink for Shell {
    fn sent(&self) {
        self.opened.cancel();
    }

    fn write(&self, _stream: Stream, bytes: &[u8]) {
        let answers = self.change(|paper| paper.print(bytes));
        // tmux and screen are terminals themselves, and answer.
        let answers_itself =
            self.holder().starts_with("tmux") || self.holder().starts_with("screen");
        if !answers.is_empty() && !answers_itself {
            self.answer(answers);
        }
    }
}
