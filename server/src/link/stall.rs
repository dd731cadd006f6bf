//! A stream whose writes fail when the other side accepts nothing for too
//! long. russh runs no timer while a write is stuck, so a frozen peer in the
//! middle of an upload would otherwise hang for ever (FAULTS 26).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

use super::heard::Heard;

/// Fails a write of which nothing was accepted for `limit`. Slow progress is
/// not a stall: every accepted byte starts the time anew. And fails a read
/// once its dial was given up: russh's loop has the stream, and of a server
/// that falls silent in the handshake it would wait for ever. Notes when the
/// other side was heard.
#[derive(Debug)]
pub(super) struct StallGuard<S> {
    inner: S,
    limit: Option<Duration>,
    stuck: Option<Pin<Box<Sleep>>>,
    given_up: Pin<Box<WaitForCancellationFutureOwned>>,
    heard: Heard,
}

impl<S> StallGuard<S> {
    /// Guards `inner`; without a limit no write fails.
    pub(super) fn new(
        inner: S,
        limit: Option<Duration>,
        given_up: CancellationToken,
        heard: Heard,
    ) -> Self {
        Self {
            inner,
            limit,
            stuck: None,
            given_up: Box::pin(given_up.cancelled_owned()),
            heard,
        }
    }

    /// Passes an answer of the inner stream on, or fails when it has been
    /// pending for longer than the limit.
    fn judge<T>(
        &mut self,
        cx: &mut Context<'_>,
        answer: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if answer.is_ready() {
            self.stuck = None;
            return answer;
        }
        let Some(limit) = self.limit else {
            return Poll::Pending;
        };
        let stuck = self
            .stuck
            .get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + limit)));
        ready!(stuck.as_mut().poll(cx));
        let words = format!("the other side accepted nothing for {} s", limit.as_secs());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, words)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for StallGuard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.given_up.as_mut().poll(cx).is_ready() {
            let words = "the dial was given up";
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::ConnectionAborted, words)));
        }
        let had = buffer.filled().len();
        let answer = Pin::new(&mut self.inner).poll_read(cx, buffer);
        if buffer.filled().len() > had {
            self.heard.note();
        }
        answer
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for StallGuard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let answer = Pin::new(&mut self.inner).poll_write(cx, bytes);
        self.judge(cx, answer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.inner).poll_flush(cx);
        self.judge(cx, answer)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let answer = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.judge(cx, answer)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// One that bears three seconds.
    fn guarded<S>(inner: S, given_up: CancellationToken) -> StallGuard<S> {
        let heard = Heard::new(None, Duration::ZERO);
        StallGuard::new(inner, Some(Duration::from_secs(3)), given_up, heard)
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_after_the_limit() {
        let (near, _far) = tokio::io::duplex(4);
        let mut guarded = guarded(near, CancellationToken::new());
        let begun = Instant::now();
        let error = guarded.write_all(b"longer than four").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(begun.elapsed().as_secs(), 3);
    }

    #[tokio::test]
    async fn a_read_ends_when_the_dial_is_given_up() {
        let (near, _far) = tokio::io::duplex(4);
        let given_up = CancellationToken::new();
        let mut guarded = guarded(near, given_up.clone());
        let giving_up = async {
            tokio::task::yield_now().await;
            given_up.cancel();
        };
        let (read, ()) = tokio::join!(guarded.read_u8(), giving_up);
        let error = read.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::ConnectionAborted);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_progress_is_not_a_stall() {
        let (near, mut far) = tokio::io::duplex(1);
        let mut guarded = guarded(near, CancellationToken::new());
        let slow = async {
            let mut taken = Vec::new();
            while taken.len() < 10 {
                tokio::time::advance(Duration::from_secs(2)).await;
                taken.push(far.read_u8().await.unwrap());
            }
            taken
        };
        let (written, taken) = tokio::join!(guarded.write_all(b"0123456789"), slow);
        written.unwrap();
        assert_eq!(taken, b"0123456789");
    }
}
