//! Runs a line in a living shell and knows its end: by the shell's own prompt
//! hook, never by what a prompt looks like.

use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::asking::Asks;
use super::buffer::KEPT_BYTES;
use super::handle::{Shell, TypeError};
use super::hidden::Until;
use super::hook::{Kind, Unrunnable, arm, fresh_id, install, line, probe};
use super::line_run::Line;
use super::paper::Paper;
use super::text::whole;

/// How long a shell may take to say what it is, and to take its hook: its start-up
/// files may still run.
const HOOK_WAIT: Duration = Duration::from_secs(15);

/// How long a line editor may take to hear its key.
const ARM_WAIT: Duration = Duration::from_secs(3);

/// A shell that has said nothing for so long has shown its prompt, mostly.
const SETTLED: Duration = Duration::from_millis(150);

/// The prompt follows its mark within this, mostly.
const PROMPT: Duration = Duration::from_millis(10);

/// How long a line may take to end that was told to.
const ENDING: Duration = Duration::from_millis(500);

/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// How often silence is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// What a line came to.
#[derive(Debug)]
pub struct Ran {
    /// How far it came.
    pub state: RanState,
    /// What it printed, as text, since the last that was told.
    pub output: String,
    /// What of it is not in `output`: from where it can still be read, and how
    /// much is left out there, in bytes.
    pub left_out: Option<LeftOut>,
    /// Behind what was told.
    pub cursor: u64,
}

/// A middle that is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOut {
    /// Where its words stand in the output, in bytes.
    pub at: usize,
    /// The position from which a read goes on behind what is shown.
    pub cursor: u64,
    /// In bytes.
    pub bytes: u64,
}

/// How far a line came.
#[derive(Debug, PartialEq, Eq)]
pub enum RanState {
    /// It ended.
    Done {
        /// Its exit status; none where the shell itself is gone without one.
        status: Option<i32>,
        /// The shell's folder afterwards; empty where it is gone.
        cwd: String,
    },
    /// It goes on.
    Running,
    /// It seems to wait for something; in words, with `shell_` for the tools.
    Waiting(&'static str),
}

/// Why a line was not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another is.
    #[error("a line is still running in it")]
    Busy,
    /// No line runs that could be waited for.
    #[error("no line is running in it")]
    Idle,
    /// It is no shell that is known.
    #[error("it is no shell whose lines can be followed, but {program}")]
    Unknown {
        /// The program's name.
        program: String,
    },
    /// No shell answered.
    #[error("no shell answers in it: a program may be reading what is typed")]
    NoAnswer,
    /// The line cannot be typed.
    #[error(transparent)]
    Unrunnable(#[from] Unrunnable),
    /// It ended.
    #[error(transparent)]
    Type(#[from] TypeError),
}

impl Shell {
    /// Types `command` as a line and waits for its end until `deadline`, with an
    /// empty one for the end of the line that runs. The result's output takes
    /// `room` bytes at most.
    pub async fn run_line(
        &self,
        command: &str,
        deadline: Instant,
        room: usize,
    ) -> Result<Ran, RunError> {
        let _running = self.running.try_lock().map_err(|_held| RunError::Busy)?;
        if command.trim().is_empty() {
            if self.paper().run.line.is_none() {
                return Err(RunError::Idle);
            }
        } else {
            if self.end().is_some() {
                return Err(TypeError::Ended.into());
            }
            let kind = self.hooked().await?;
            let takes_pastes = self.change(Paper::takes_pastes);
            let typed = line(kind, command, takes_pastes)?;
            self.change(|paper| {
                let position = paper.buffer().end();
                paper.run.begin(position);
            });
            self.type_in(typed, deadline.max(Instant::now() + ARM_WAIT))
                .await?;
        }
        let state = self.wait(deadline).await;
        Ok(self.change(|paper| told(paper, state, room)))
    }

    /// Has the shell ready for a line, with a hook in place.
    async fn hooked(&self) -> Result<Kind, RunError> {
        let (kind, is_busy, waits) = self.change(|paper| {
            let begins = paper.run.line.as_ref().map_or(0, Line::begins_at);
            (paper.run.kind, paper.run.is_busy, paper.asks(begins))
        });
        match (kind, is_busy, waits) {
            // A shell within the shell begins no line that its hook could tell of.
            (_, true, Some(Asks::Prompt)) => self.hook().await,
            (_, true, _) if !self.falls_idle().await => Err(RunError::Busy),
            (None, ..) => self.hook().await,
            (Some(kind), ..) => {
                if self.arm(kind).await? {
                    return Ok(kind);
                }
                self.hook().await
            }
        }
    }

    /// Whether the line that runs is just about to end: it may have been
    /// interrupted.
    async fn falls_idle(&self) -> bool {
        let limit = Instant::now() + ENDING;
        let idle = |paper: &Paper| (!paper.run.is_busy).then_some(());
        self.heard(limit, idle).await.is_ok()
    }

    /// Asks what shell there is and puts its hook in place. What that prints is
    /// not shown.
    async fn hook(&self) -> Result<Kind, RunError> {
        let id = &fresh_id();
        let limit = Instant::now() + HOOK_WAIT;
        self.settle(SETTLED, limit).await;
        self.change(|paper| {
            paper.run.ask(id.clone());
            paper.hide(id, Until::Armed);
        });
        let hooked = self.put_hook(id, limit).await;
        if hooked.is_err() {
            self.change(|paper| {
                paper.unhide();
                paper.run.give_up();
            });
        }
        hooked
    }

    async fn put_hook(&self, id: &str, limit: Instant) -> Result<Kind, RunError> {
        self.type_in(probe(id), limit).await?;
        let program = self.heard(limit, |paper| paper.run.program.clone()).await?;
        let kind = Kind::of_program(&program).ok_or_else(|| RunError::Unknown {
            program: program.rsplit('/').next().unwrap_or_default().to_owned(),
        })?;
        if kind == Kind::Plain {
            self.change(|paper| paper.hide(id, Until::Ready));
        }
        self.type_in(install(kind, id), limit).await?;
        let kind = self.heard(limit, |paper| paper.run.kind).await?;
        if kind == Kind::Plain {
            self.change(Paper::unhide);
            return Ok(kind);
        }
        if self.arm(kind).await? {
            Ok(kind)
        } else {
            Err(RunError::NoAnswer)
        }
    }

    /// Presses the key that announces a line; false if no line editor heard it.
    async fn arm(&self, kind: Kind) -> Result<bool, RunError> {
        let Some(key) = arm(kind) else {
            return Ok(true);
        };
        let limit = Instant::now() + ARM_WAIT;
        self.settle(PROMPT, limit).await;
        self.change(|paper| paper.run.is_armed = false);
        self.type_in(key.to_vec(), limit).await?;
        match self
            .heard(limit, |paper| paper.run.is_armed.then_some(()))
            .await
        {
            Ok(()) => Ok(true),
            Err(RunError::NoAnswer) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Waits until nothing has come for `quiet`.
    async fn settle(&self, quiet: Duration, limit: Instant) {
        loop {
            let silent = self.paper().quiet();
            if silent >= quiet || Instant::now() >= limit {
                return;
            }
            tokio::time::sleep(quiet.saturating_sub(silent)).await;
        }
    }

    /// Waits for what a hook says.
    async fn heard<T>(
        &self,
        limit: Instant,
        said: impl Fn(&Paper) -> Option<T>,
    ) -> Result<T, RunError> {
        let mut changes = self.changes();
        loop {
            changes.mark_unchanged();
            {
                let paper = self.paper();
                if let Some(found) = said(&paper) {
                    return Ok(found);
                }
                if paper.end().is_some() {
                    return Err(RunError::Type(TypeError::Ended));
                }
            }
            if !matches!(timeout_at(limit, changes.changed()).await, Ok(Ok(()))) {
                return Err(RunError::NoAnswer);
            }
        }
    }

    /// Waits for the line's end, or until it seems to wait itself.
    async fn wait(&self, deadline: Instant) -> RanState {
        let mut changes = self.changes();
        let mut is_taken_back = false;
        loop {
            changes.mark_unchanged();
            let now = Instant::now();
            if let Some(state) = self.change_quietly(look) {
                return state;
            }
            if !is_taken_back && self.paper().keeps_line() {
                // Of a line that it takes for none it says so, and leaves it to be
                // edited.
                is_taken_back = true;
                if let Err(error) = self.type_in(vec![INTERRUPT], now + ARM_WAIT).await {
                    tracing::debug!(%error, "a refused line stays in the editor");
                }
            }
            if now >= deadline {
                return RanState::Running;
            }
            tokio::select! {
                _changed = changes.changed() => {}
                () = sleep_until(deadline.min(now + LOOK)) => {}
            }
        }
    }

    /// Looks without waking whoever waits.
    fn change_quietly<T>(&self, look: impl FnOnce(&mut Paper) -> T) -> T {
        look(&mut self.paper())
    }
}

/// Whether the line has come to something.
fn look(paper: &mut Paper) -> Option<RanState> {
    let (outcome, begins) = match &paper.run.line {
        Some(line) => (line.outcome.clone(), line.begins_at()),
        None => (None, 0),
    };
    if let Some(outcome) = outcome {
        return Some(RanState::Done {
            status: Some(outcome.status),
            cwd: outcome.cwd,
        });
    }
    if let Some(end) = paper.end() {
        return Some(RanState::Done {
            status: end.exit_code,
            cwd: String::new(),
        });
    }
    let asks = paper.asks(begins)?;
    Some(RanState::Waiting(asks.words()))
}

/// What the line printed since the last that was told; the next read without a
/// cursor goes on behind it.
fn told(paper: &mut Paper, state: RanState, room: usize) -> Ran {
    let Some(line) = &paper.run.line else {
        return Ran {
            state,
            output: String::new(),
            left_out: None,
            cursor: paper.buffer().end(),
        };
    };
    let to = line
        .outcome
        .as_ref()
        .map_or(paper.buffer().end(), |end| end.to);
    let (from, is_running) = (line.told, line.is_running());
    let first = from == line.begins_at();
    let head: &[u8] = if first { line.head() } else { &[] };
    let (output, left_out, cursor) = if (to - from) <= room as u64 {
        let mut bytes = paper.between(from, to).bytes;
        if matches!(state, RanState::Running | RanState::Waiting(_)) {
            bytes.truncate(whole(&bytes));
        }
        let cursor = from + bytes.len() as u64;
        (paper.text(&bytes), None, cursor)
    } else {
        let (output, left_out) = ends(paper, head, from, to, room);
        (output, Some(left_out), to)
    };
    // Of a line that the shell never ran, the echo came first.
    let output = if is_running {
        output
    } else {
        output
            .split_once('\n')
            .map(|(_echo, rest)| rest.to_owned())
            .unwrap_or_default()
    };
    if let Some(line) = &mut paper.run.line {
        line.told = cursor;
    }
    paper.set_read(cursor);
    Ran {
        state,
        output,
        left_out,
        cursor,
    }
}

/// Beginning and end of a long output.
fn ends(paper: &Paper, head: &[u8], from: u64, to: u64, room: usize) -> (String, LeftOut) {
    let first = room * 2 / 3;
    let kept = paper.between(from, from + first as u64);
    let mut begin = if kept.lost == 0 {
        kept.bytes
    } else {
        head.get(..first.min(head.len()))
            .unwrap_or_default()
            .to_vec()
    };
    begin.truncate(whole(&begin));
    let last_from = to.saturating_sub((room - first).min(KEPT_BYTES) as u64);
    let mut last = paper.between(last_from, to).bytes;
    // From the first whole line on.
    if let Some(line) = last.iter().position(|byte| *byte == b'\n') {
        last.drain(..=line);
    }
    let cursor = from + begin.len() as u64;
    let bytes = (to - cursor).saturating_sub(last.len() as u64);
    let mut output = paper.text(&begin);
    let at = output.len();
    output.push_str(&paper.text(&last));
    (output, LeftOut { at, cursor, bytes })
}
