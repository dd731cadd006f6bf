//! The program of a `ProxyCommand` as it runs: a stream to the host by its
//! stdin and stdout, ended and reaped with it.

use std::io;
use std::path::Path;
use std::pin::Pin;
use std::process::{ExitStatus, Stdio};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::{Sleep, sleep};

use super::plan::ProxyCommand;
use crate::words::one_line;

/// How much is kept of what a program says on stderr: its last words.
const SAID_MAX_BYTES: usize = 1024;

/// A program whose output ended and that has not, or the reverse, has as long
/// for the other.
const ENDING_MAX: Duration = Duration::from_millis(500);

/// A running program. Dropped, it and what it started in its process group are
/// killed; the runtime reaps it.
pub(super) struct ProxyStream {
    stdin: ChildStdin,
    stdout: ChildStdout,
    /// None once it ended.
    stderr: Option<ChildStderr>,
    /// The end of what it said there.
    said: Vec<u8>,
    program: String,
    group: Option<Pid>,
    exited: BoxFuture<'static, io::Result<ExitStatus>>,
    status: Option<io::Result<ExitStatus>>,
    /// Its output ended.
    is_drained: bool,
    ending: Option<Pin<Box<Sleep>>>,
}

impl ProxyStream {
    /// Starts the program, with `agent` as the agent that it may ask. It gets
    /// the daemon's environment, without whoever's agent the daemon was started
    /// beside, and without a token that the Go program had.
    pub(super) fn start(command: &ProxyCommand, agent: Option<&Path>) -> io::Result<Self> {
        let mut program = Command::new(&command.program);
        program
            .args(&command.arguments)
            .current_dir(&command.folder)
            .env_remove("REMOTE_SHELL_MCP_TOKEN")
            .env_remove("SSH_AUTH_SOCK")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(agent) = agent {
            program.env("SSH_AUTH_SOCK", agent);
        }
        let mut child = program.spawn()?;
        let group = child.id().and_then(|id| i32::try_from(id).ok());
        let missing = || io::Error::other("a pipe is missing");
        Ok(Self {
            stdin: child.stdin.take().ok_or_else(missing)?,
            stdout: child.stdout.take().ok_or_else(missing)?,
            stderr: child.stderr.take(),
            said: Vec::new(),
            program: command.program.clone(),
            group: group.and_then(Pid::from_raw),
            exited: async move { child.wait().await }.boxed(),
            status: None,
            is_drained: false,
            ending: None,
        })
    }

    /// Keeps the end of what it says.
    fn listen(&mut self, cx: &mut Context<'_>) {
        while let Some(stderr) = &mut self.stderr {
            let mut bytes = [0; SAID_MAX_BYTES];
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(stderr).poll_read(cx, &mut buffer) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    self.said.extend_from_slice(buffer.filled());
                    let over = self.said.len().saturating_sub(SAID_MAX_BYTES);
                    self.said.drain(..over);
                }
                Poll::Ready(_) => self.stderr = None,
            }
        }
    }

    /// Learns of its exit; what it left running in its group holds its pipes
    /// and is ended too.
    fn look(&mut self, cx: &mut Context<'_>) {
        if self.status.is_none()
            && let Poll::Ready(status) = self.exited.poll_unpin(cx)
        {
            self.status = Some(status);
            self.kill_group();
        }
    }

    fn kill_group(&mut self) {
        if let Some(group) = self.group.take()
            && let Err(error) = rustix::process::kill_process_group(group, Signal::KILL)
            && error != rustix::io::Errno::SRCH
        {
            tracing::warn!(%error, program = self.program, "a ProxyCommand was not ended");
        }
    }

    /// Why there is nothing more to come, once that is known.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        self.look(cx);
        if !self.is_drained && self.status.is_none() {
            return Poll::Pending;
        }
        if !(self.is_drained && self.status.is_some()) {
            ready!(self.poll_patience(cx));
        }
        self.listen(cx);
        Poll::Ready(self.ended())
    }

    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ending = self
            .ending
            .get_or_insert_with(|| Box::pin(sleep(ENDING_MAX)));
        ending.as_mut().poll(cx)
    }

    fn ended(&self) -> io::Error {
        let how = match &self.status {
            Some(Ok(status)) => format!("ended ({status})"),
            Some(Err(error)) => format!("ended ({error})"),
            None => "closed its pipes".to_owned(),
        };
        let said = String::from_utf8_lossy(&self.said);
        let said = one_line(&said, said.len());
        let words = if said.is_empty() {
            String::new()
        } else {
            format!(" and said: {said}")
        };
        io::Error::new(
            io::ErrorKind::ConnectionAborted,
            format!("the ProxyCommand `{}` {how}{words}", self.program),
        )
    }
}

impl Drop for ProxyStream {
    fn drop(&mut self) {
        self.kill_group();
    }
}

impl std::fmt::Debug for ProxyStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProxyStream")
            .field("program", &self.program)
            .finish_non_exhaustive()
    }
}

impl AsyncRead for ProxyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.listen(cx);
        let before = buffer.filled().len();
        if !this.is_drained {
            match Pin::new(&mut this.stdout).poll_read(cx, buffer) {
                Poll::Ready(Ok(())) if buffer.filled().len() == before => this.is_drained = true,
                Poll::Pending => {}
                ready @ Poll::Ready(_) => return ready,
            }
        }
        this.poll_end(cx).map(Err)
    }
}

impl AsyncWrite for ProxyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match ready!(Pin::new(&mut self.stdin).poll_write(cx, bytes)) {
            // Why it takes nothing more is what counts.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.look(cx);
                if self.status.is_none() {
                    ready!(self.poll_patience(cx));
                }
                self.listen(cx);
                Poll::Ready(Err(self.ended()))
            }
            written => Poll::Ready(written),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stdin).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use ::tests::process::is_alive;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

    use super::*;

    /// The shell is the test's, as the program of a script's first line.
    fn script(text: &str) -> ProxyStream {
        let command = ProxyCommand {
            program: "/bin/sh".into(),
            arguments: vec!["-c".into(), text.into()],
            folder: "/".into(),
        };
        ProxyStream::start(&command, Some(Path::new("/agent"))).unwrap()
    }

    async fn end_of(mut stream: ProxyStream) -> (String, String) {
        let mut text = Vec::new();
        let error = stream.read_to_end(&mut text).await.unwrap_err();
        (String::from_utf8(text).unwrap(), error.to_string())
    }

    /// The next line as a process id.
    async fn pid(stream: &mut BufReader<ProxyStream>) -> u32 {
        let mut line = String::new();
        stream.read_line(&mut line).await.unwrap();
        line.trim().parse().unwrap()
    }

    async fn until_gone(pid: u32) {
        for _ in 0..500 {
            if !is_alive(pid) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{pid} still runs");
    }

    #[tokio::test]
    async fn what_is_written_reaches_the_program_and_what_it_writes_comes_back() {
        let mut stream = script("echo \"$SSH_AUTH_SOCK $PWD\"; exec cat");
        stream.write_all(b"to and fro\n").await.unwrap();
        stream.flush().await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        let mut next = async || lines.next_line().await.unwrap().unwrap();
        assert_eq!(next().await, "/agent /");
        assert_eq!(next().await, "to and fro");
    }

    #[tokio::test]
    async fn an_end_says_how_and_the_last_words() {
        let (text, words) = end_of(script(
            "echo out; echo one >&2; printf 'two\\033[1m' >&2; exit 3",
        ))
        .await;
        assert_eq!(text, "out\n");
        assert!(
            words.contains("ended (exit status: 3) and said: one two [1m"),
            "{words}"
        );
        let (_, words) = end_of(script("kill -9 $$")).await;
        assert!(words.contains("signal: 9"), "{words}");
        let (_, words) = end_of(script("exec >&- 2>&-; exec sleep 1000")).await;
        assert!(words.contains("closed its pipes"), "{words}");
    }

    #[tokio::test]
    async fn a_program_that_talks_without_end_is_not_stopped_by_it() {
        let flood = "dd if=/dev/zero bs=65536 count=64 2>/dev/null | tr '\\0' x >&2; echo last >&2; echo done";
        let (text, words) = end_of(script(flood)).await;
        assert_eq!(text, "done\n");
        assert!(words.contains("xxxlast"), "{words}");
        assert!(words.len() < SAID_MAX_BYTES + 200, "{}", words.len());
    }

    #[tokio::test]
    async fn what_it_started_ends_with_the_stream_and_with_the_program() {
        let mut stream = BufReader::new(script("echo $$; sleep 1000 & echo $!; wait"));
        let pids = [pid(&mut stream).await, pid(&mut stream).await];
        assert!(pids.iter().all(|pid| is_alive(*pid)));
        drop(stream);
        for pid in pids {
            until_gone(pid).await;
        }
        // What is left behind holds the pipes, and no end of file comes.
        let mut stream = BufReader::new(script("sleep 1000 & echo $!; exit 4"));
        let left = pid(&mut stream).await;
        let error = stream.read_u8().await.unwrap_err();
        assert!(error.to_string().contains("exit status: 4"), "{error}");
        until_gone(left).await;
    }

    #[tokio::test]
    async fn writing_to_a_program_that_went_away_says_that_it_did() {
        let mut stream = script("exit 5");
        let mut written = Ok(());
        while written.is_ok() {
            written = stream.write_all(&[0; 4096]).await;
        }
        let words = written.unwrap_err().to_string();
        assert!(words.contains("exit status: 5"), "{words}");
    }
}
