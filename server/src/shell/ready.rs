//! Has a shell ready for a line: nothing runs in it, its prompt hook is in place,
//! and its line editor listens.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::asking::Asks;
use super::handle::{Shell, TypeError};
use super::hidden::Until;
use super::hook::{Kind, arm, fresh_id, install, probe};
use super::line_run::OpenLine;
use super::paper::Paper;
use super::run::RunError;

/// How long a shell may take to say what it is, and to take its hook: its start-up
/// files may still run.
const HOOK_WAIT: Duration = Duration::from_secs(15);

/// How long a line editor may take to hear its key, and what a hook gets of a call
/// that has less time.
const ARM_WAIT: Duration = Duration::from_secs(3);

/// A shell that has said nothing for so long has shown its prompt, mostly.
const SETTLED: Duration = Duration::from_millis(150);

/// How long a shell may take to print its first.
const FIRST: Duration = Duration::from_secs(1);

/// How long there must be silence before what is shown is taken for no shell's prompt:
/// the answer to what was typed just now may be on its way.
const SURE: Duration = Duration::from_millis(1500);

/// The prompt follows its mark within this, mostly.
const PROMPT: Duration = Duration::from_millis(10);

/// How long a line may take to end that is about to, and one that was told to.
const ENDING: Duration = Duration::from_millis(500);
const TOLD_ENDING: Duration = Duration::from_secs(2);

/// How often silence is looked at.
const LOOK: Duration = Duration::from_millis(50);

impl Shell {
    /// Has the shell ready for a line, with a hook in place; a little longer than
    /// until `deadline` where that is near.
    pub(super) async fn ready(&self, deadline: Instant) -> Result<Kind, RunError> {
        let now = Instant::now();
        let limit = deadline.max(now + ARM_WAIT).min(now + HOOK_WAIT);
        if self.paper().run.open_line().is_some() {
            // A shell within the shell begins no line that its hook could tell of.
            let is_within = self.change_quietly(Paper::asks) == Some(Asks::Prompt);
            if is_within {
                return self.hook(limit).await;
            }
            self.falls_idle().await?;
        }
        let hooked = self.paper().run.kind;
        if let Some(kind) = hooked
            && self.arm(kind).await?
        {
            return Ok(kind);
        }
        self.hook(limit).await
    }

    /// Waits a little for the end of the line: it may have been interrupted just now.
    async fn falls_idle(&self) -> Result<(), RunError> {
        let since_typed = self.paper().since_typed();
        let wait = TOLD_ENDING.saturating_sub(since_typed).max(ENDING);
        let limit = Instant::now() + wait;
        let idle = |paper: &Paper| paper.run.open_line().is_none().then_some(());
        match self.heard(limit, idle).await {
            Err(RunError::NoAnswer) => {}
            heard => return heard,
        }
        let open = self.paper().run.open_line();
        match open {
            None => Ok(()),
            Some(OpenLine::Runs) => Err(RunError::Busy),
            Some(OpenLine::Unfinished) => Err(RunError::Unfinished),
        }
    }

    /// Asks what shell there is and puts its hook in place. What that prints is
    /// not shown.
    async fn hook(&self, limit: Instant) -> Result<Kind, RunError> {
        self.await_prompt(limit).await?;
        let id = &fresh_id();
        let hooking = Hooking::begin(self, id);
        let kind = self.put_hook(id, limit).await?;
        hooking.finish();
        Ok(kind)
    }

    /// Waits until something seems to read that a line of ours may be typed to.
    async fn await_prompt(&self, limit: Instant) -> Result<(), RunError> {
        let is_restored = self.facts().is_restored;
        loop {
            let (looks, silent, is_blank) = self.change_quietly(|paper| {
                let is_blank = paper.buffer().end() == 0;
                (paper.looks(), paper.silent(), is_blank)
            });
            let is_late = Instant::now() >= limit;
            let is_silent_for = |needed| is_late || silent >= needed;
            match looks {
                Some(Asks::Prompt) => {
                    if is_silent_for(SETTLED) {
                        return Ok(());
                    }
                }
                Some(
                    asks @ (Asks::Password | Asks::Confirmation | Asks::Pager | Asks::FullScreen),
                ) => {
                    if is_silent_for(SURE) {
                        return Err(RunError::Asks(asks.words()));
                    }
                }
                // What an earlier daemon left is told anew, once a link is there.
                Some(Asks::Input) | None if is_restored && is_blank => {
                    if is_late {
                        return Err(RunError::NotReady(TypeError::NotAttached));
                    }
                }
                Some(Asks::Input) | None if is_restored => {
                    if is_silent_for(SURE) {
                        return Err(RunError::Unsure);
                    }
                }
                Some(Asks::Input) | None => {
                    if is_silent_for(if is_blank { FIRST } else { SETTLED }) {
                        return Ok(());
                    }
                }
            }
            sleep(SETTLED.saturating_sub(silent).max(LOOK)).await;
        }
    }

    async fn put_hook(&self, id: &str, limit: Instant) -> Result<Kind, RunError> {
        self.press(probe(id), limit).await?;
        let program = self.heard(limit, |paper| paper.run.program.clone()).await?;
        let kind = Kind::of_program(&program).ok_or_else(|| RunError::Unknown {
            program: program.rsplit('/').next().unwrap_or_default().to_owned(),
        })?;
        if kind == Kind::Plain {
            self.change(|paper| paper.hide(id, Until::Ready));
        }
        self.press(install(kind, id), limit).await?;
        let kind = self.heard(limit, |paper| paper.run.kind).await?;
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
        self.press(key.to_vec(), limit).await?;
        match self
            .heard(limit, |paper| paper.run.is_armed.then_some(()))
            .await
        {
            Ok(()) => Ok(true),
            Err(RunError::NoAnswer) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// Types what goes before the line.
    async fn press(&self, keys: Vec<u8>, limit: Instant) -> Result<(), RunError> {
        self.type_in(keys, limit)
            .await
            .map_err(|error| match error {
                TypeError::Ended => RunError::Type(error),
                _ => RunError::NotReady(error),
            })
    }

    /// Waits until nothing has come for `quiet`.
    async fn settle(&self, quiet: Duration, limit: Instant) {
        loop {
            let silent = self.paper().quiet();
            if silent >= quiet || Instant::now() >= limit {
                return;
            }
            sleep(quiet.saturating_sub(silent)).await;
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
}

/// A hook that is being put in place, hidden. Unless it is done when this goes, in
/// whatever way, all is shown and no hook counts.
struct Hooking<'a> {
    shell: &'a Shell,
    is_done: bool,
}

impl<'a> Hooking<'a> {
    fn begin(shell: &'a Shell, id: &str) -> Self {
        shell.change(|paper| {
            paper.run.ask(id.to_owned());
            paper.hide(id, Until::Armed);
        });
        Self {
            shell,
            is_done: false,
        }
    }

    /// A shell without a line editor to hear of has nothing more to hide.
    fn finish(mut self) {
        self.is_done = true;
        self.shell.change(Paper::unhide);
    }
}

impl Drop for Hooking<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.shell.change(|paper| {
                paper.unhide();
                paper.run.give_up();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use tokio::sync::mpsc;

    use super::super::handle::{Facts, Owner};
    use super::super::reading::{View, Wanted};
    use super::*;
    use crate::link::{OutputSink, Stream, TerminalOrder};

    /// A shell that shows this, and what is typed into it.
    fn shell(shown: &str, is_restored: bool) -> (Arc<Shell>, mpsc::Receiver<TerminalOrder>) {
        let facts = Facts {
            owner: Owner::Session("web".into()),
            id: "a".into(),
            opened_at: SystemTime::UNIX_EPOCH,
            is_durable: is_restored,
            is_restored,
        };
        let (shell, orders) = Shell::new(facts, 24, 80);
        shell.write(Stream::Stdout, shown.as_bytes());
        (shell, orders)
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    fn shown(shell: &Shell) -> String {
        let wanted = Wanted {
            cursor: Some(0),
            most: 1_000,
            until: None,
            quiet: None,
            view: View::Text,
        };
        shell.read(&wanted, |_| true).data
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_typed_at_what_is_no_shell() {
        for (screen, is_restored) in [
            ("[sudo] password for ann: ", false),
            ("Do you want to continue? [Y/n] ", false),
            ("\x1b[?1049h~\r\n~\r\n-- INSERT --", false),
            ("--More--(12%)", false),
            ("$ make\r\nCC a.c\r\n", true),
            ("", true),
        ] {
            let (shell, mut orders) = shell(screen, is_restored);
            let error = shell.run_line("ls", soon(), 1_000).await.unwrap_err();
            match error {
                RunError::Asks(_) => assert!(!is_restored, "{screen}"),
                RunError::Unsure => assert!(is_restored && !screen.is_empty()),
                RunError::NotReady(TypeError::NotAttached) => assert!(screen.is_empty()),
                other => panic!("{screen}: {other:?}"),
            }
            assert!(orders.try_recv().is_err(), "{screen}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_is_typed_at_a_prompt_and_at_what_says_nothing() {
        for (screen, is_restored) in [("$ ", true), ("$ ", false), ("", false), ("hi\r\n", false)] {
            let (shell, mut orders) = shell(screen, is_restored);
            tokio::select! {
                ran = shell.run_line("ls", soon(), 1_000) => panic!("{screen}: {ran:?}"),
                order = orders.recv() => assert!(order.is_some()),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_is_given_up_while_it_hooks_leaves_nothing_hidden() {
        let (shell, mut orders) = shell("$ ", false);
        tokio::select! {
            ran = shell.run_line("ls", soon(), 1_000) => panic!("{ran:?}"),
            order = orders.recv() => assert!(order.is_some()),
        }
        shell.write(Stream::Stdout, b"heard");
        assert_eq!(shown(&shell), "$ heard");
    }

    #[tokio::test(start_paused = true)]
    async fn a_hook_takes_no_longer_than_its_call_has() {
        let (shell, _orders) = shell("$ ", false);
        let begun = Instant::now();
        let refused = shell.run_line("ls", begun, 1_000).await;
        assert!(refused.is_err());
        assert!(begun.elapsed() <= ARM_WAIT + LOOK, "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_no_shell_takes_is_refused_before_a_key_is_pressed() {
        let (shell, mut orders) = shell("$ ", false);
        let refused = shell.run_line("vi\u{1b}", soon(), 1_000).await;
        assert!(
            matches!(refused, Err(RunError::Unrunnable(_))),
            "{refused:?}"
        );
        assert!(orders.try_recv().is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn who_types_is_told_whether_a_terminal_is_there() {
        for (is_durable, wanted) in [
            (true, TypeError::NotAttached),
            (false, TypeError::Stuck { sent: 0 }),
        ] {
            let (shell, _orders) = shell("$ ", is_durable);
            let typed = shell.type_in(b"x".to_vec(), soon()).await;
            assert_eq!(typed, Err(wanted));
        }
    }
}
