//! What a terminal is told: bytes that are typed into it, and its size. One after
//! the other, so that what parallel callers type is never mixed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio::sync::{mpsc, oneshot};

/// What is handed to the link at once: a caller that gives up in the middle of a
/// long text stops it after so much.
const PIECE_BYTES: usize = 16 << 10;

/// An order to a terminal.
#[derive(Debug)]
pub enum TerminalOrder {
    /// Type this.
    Type(Typing),
    /// Be of this size.
    Resize {
        /// Its height.
        rows: u16,
        /// Its width.
        cols: u16,
    },
}

/// Bytes to type.
#[derive(Debug)]
pub struct Typing {
    bytes: Vec<u8>,
    progress: Arc<Progress>,
    /// Hears when all of it was handed to the link.
    done: oneshot::Sender<()>,
}

/// How far a text came, for whoever typed it.
#[derive(Debug)]
pub struct Typed {
    progress: Arc<Progress>,
    done: oneshot::Receiver<()>,
}

#[derive(Debug, Default)]
struct Progress {
    begun: AtomicBool,
    sent: AtomicUsize,
    given_up: AtomicBool,
}

impl Typing {
    /// `bytes`, and how to hear of them.
    pub fn new(bytes: Vec<u8>) -> (Self, Typed) {
        let progress = Arc::<Progress>::default();
        let (done, hears) = oneshot::channel();
        let typing = Self {
            bytes,
            progress: Arc::clone(&progress),
            done,
        };
        let done = hears;
        (typing, Typed { progress, done })
    }
}

impl Typed {
    /// Waits until all of it was handed to the link; false if the terminal ended
    /// before.
    pub async fn done(&mut self) -> bool {
        (&mut self.done).await.is_ok()
    }

    /// The rest is not typed. How many bytes were handed to the link; none if no
    /// terminal has begun with it, and then none will.
    pub fn give_up(&self) -> Option<usize> {
        // Whoever types says that it begins and then looks whether it was given up,
        // in the other order: one of both sees the other.
        self.progress.given_up.store(true, Ordering::SeqCst);
        let has_begun = self.progress.begun.load(Ordering::SeqCst);
        has_begun.then(|| self.progress.sent.load(Ordering::SeqCst))
    }
}

/// Obeys until there are no more orders, or the link takes none.
pub(super) async fn obey(
    writer: &ChannelWriteHalf<Msg>,
    orders: &mut mpsc::Receiver<TerminalOrder>,
) {
    while let Some(order) = orders.recv().await {
        let obeyed = match order {
            TerminalOrder::Type(typing) => type_in(writer, typing).await,
            TerminalOrder::Resize { rows, cols } => {
                let (rows, cols) = (u32::from(rows), u32::from(cols));
                writer.window_change(cols, rows, 0, 0).await
            }
        };
        if let Err(error) = obeyed {
            tracing::debug!(%error, "the terminal took no more orders");
            // Its end comes by the channel, with what it still says.
            std::future::pending::<()>().await;
        }
    }
}

async fn type_in(writer: &ChannelWriteHalf<Msg>, typing: Typing) -> Result<(), russh::Error> {
    typing.progress.begun.store(true, Ordering::SeqCst);
    for piece in typing.bytes.chunks(PIECE_BYTES) {
        if typing.progress.given_up.load(Ordering::SeqCst) {
            return Ok(());
        }
        writer.data_bytes(piece.to_vec()).await?;
        let sent = &typing.progress.sent;
        sent.fetch_add(piece.len(), Ordering::SeqCst);
    }
    if typing.done.send(()).is_err() {
        tracing::debug!("whoever typed this went away");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_no_terminal_has_begun_was_not_typed() {
        let (typing, typed) = Typing::new(b"text".to_vec());
        assert_eq!(typed.give_up(), None);
        typing.progress.begun.store(true, Ordering::SeqCst);
        assert_eq!(typed.give_up(), Some(0));
        typing.progress.sent.store(4, Ordering::SeqCst);
        assert_eq!(typed.give_up(), Some(4));
    }
}
