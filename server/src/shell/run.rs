//! Runs a line in a living shell and knows its end: by the shell's own prompt
//! hook, never by what a prompt looks like.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::asking::Asks;
use super::handle::{Shell, TypeError};
use super::hook::{Kind, Unrunnable, line};
use super::line_run::OpenLine;
use super::paper::Paper;
use super::told::{Ran, RanState, told};

/// How long a shell may take to read a line that is typed.
const TYPE_WAIT: Duration = Duration::from_secs(3);

/// What a line waits for that the shell has not begun.
const UNFINISHED: &str = "the line is not complete, and the shell seems to wait for its rest; \
     shell_write types that, or \\u0003 (Ctrl-C) to give the line up";

/// Ctrl-C.
const INTERRUPT: u8 = 3;

/// How often silence is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Why a line was not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Another is.
    #[error("a line is still running in it")]
    Busy,
    /// The shell waits for the rest of the line.
    #[error("the line that was typed into it is not complete")]
    Unfinished,
    /// What reads there is no shell; in words, with `shell_` for the tools.
    #[error("it runs something else: {0}")]
    Asks(&'static str),
    /// Nobody knows what was typed before, and no prompt is seen.
    #[error(
        "whether a line still runs in it is not known since the daemon was started anew, and the \
         last that it printed does not look like a prompt"
    )]
    Unsure,
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
    /// What goes before the line could not be typed, and the line was not.
    #[error(transparent)]
    NotReady(TypeError),
    /// It ended, or took not all of the line.
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
            // What can be refused is refused before a key is pressed.
            let known = self.paper().run.kind;
            self.typed_as(known.unwrap_or(Kind::Bash), command)?;
            let kind = self.ready(deadline).await?;
            let typed = self.typed_as(kind, command)?;
            self.type_line(typed, deadline).await?;
        }
        let state = self.wait(deadline).await;
        Ok(self.change(|paper| told(paper, state, room)))
    }

    /// `command` as the keys that have this shell run it.
    fn typed_as(&self, kind: Kind, command: &str) -> Result<Vec<u8>, Unrunnable> {
        let takes_pastes = self.change_quietly(Paper::takes_pastes);
        line(kind, command, takes_pastes)
    }

    async fn type_line(&self, typed: Vec<u8>, deadline: Instant) -> Result<(), TypeError> {
        self.change(|paper| {
            let position = paper.buffer().end();
            paper.run.begin(position);
        });
        let limit = deadline.max(Instant::now() + TYPE_WAIT);
        let done = self.type_in(typed, limit).await;
        if done == Err(TypeError::NotAttached) {
            self.change(|paper| paper.run.withdraw());
        }
        done
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
                if let Err(error) = self.type_in(vec![INTERRUPT], now + TYPE_WAIT).await {
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
}

/// Whether the line has come to something.
fn look(paper: &mut Paper) -> Option<RanState> {
    if let Some(outcome) = paper
        .run
        .line
        .as_ref()
        .and_then(|line| line.outcome.clone())
    {
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
    match paper.asks()? {
        // A prompt that is none of a shell's, before the line has begun.
        Asks::Input if paper.run.open_line() == Some(OpenLine::Unfinished) => {
            Some(RanState::Waiting(UNFINISHED))
        }
        asks => Some(RanState::Waiting(asks.words())),
    }
}
