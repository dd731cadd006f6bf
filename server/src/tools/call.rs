//! The path of one call.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt;
use schema::tools::Tool;
use schema::tools::table::Permission;
use schema::{Code, Fault};
use serde_json::{Map, Value};
use storage::audit::{AuditError, CallEnd, NewCall, Outcome};
use tokio::time::Instant;

use super::answer::Answer;
use super::caller::Caller;
use super::desk::Tools;
use super::families::{self, Ask, SERVED};
use super::record;
use super::render;
use super::reply::Reply;
use super::{local_paths, parse};
use crate::job::Job;

impl Tools {
    /// Calls a tool. The call goes on to its end and into the audit log also
    /// when whoever waits for it goes away.
    pub async fn call(
        self: &Arc<Self>,
        caller: Caller,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Reply {
        let limits = render::Limits::of(&caller, self.parts.result_limit);
        if self.calls.is_closed() {
            return render::fault(&stopping(), limits);
        }
        let (this, name) = (Arc::clone(self), name.to_owned());
        let call = self
            .calls
            .spawn(async move { this.path(caller, &name, arguments).await });
        match call.await {
            Ok(Ok(answer)) => render::answer(answer, limits),
            Ok(Err(fault)) => render::fault(&fault, limits),
            Err(error) => {
                let words = format!("the call did not come to its end: {error}");
                render::fault(&Fault::new(Code::Internal, words), limits)
            }
        }
    }

    async fn path(
        self: Arc<Self>,
        caller: Caller,
        name: &str,
        arguments: Map<String, Value>,
    ) -> Result<Answer, Fault> {
        let begun = Instant::now();
        let tool = known(name)?;
        let parsed = parse::arguments(tool, arguments)
            .and_then(|arguments| local_paths::resolve(tool, arguments, &caller, &self.parts))
            .and_then(|arguments| Ask::read(tool, arguments));
        let ask = match parsed {
            Ok(ask) => ask,
            Err(fault) => {
                let new = record::unread_call(tool, &caller, &self.parts);
                let result = Err(fault);
                let end = record::end(&result, begun.elapsed());
                self.parts.audit.read(new, end);
                return result;
            }
        };
        let new = record::new_call(tool, &ask, &caller, &self.parts);
        let permitted = self
            .parts
            .rules
            .permit(tool, &ask.subject(&self.parts), &caller.client);
        if permitted.is_ok() && tool.row().permission != Permission::Read {
            return self.change(tool, ask, caller, new, begun).await;
        }
        let result = match permitted {
            Ok(()) => self.run(ask, caller).await,
            Err(fault) => Err(fault),
        };
        let end = record::end(&result, begun.elapsed());
        self.parts.audit.read(new, end);
        result
    }

    /// What changes or runs: recorded before its effect, and again before its
    /// answer.
    async fn change(
        self: &Arc<Self>,
        tool: Tool,
        ask: Ask,
        mut caller: Caller,
        new: NewCall,
        begun: Instant,
    ) -> Result<Answer, Fault> {
        let seq = self
            .parts
            .audit
            .intent(&new)
            .map_err(|error| unrecorded(tool, &error))?;
        caller.seq = Some(seq);
        let result = self.run(ask, caller).await;
        if let Ok(Answer {
            goes_on: Some(job), ..
        }) = &result
        {
            self.record_later(seq, Arc::clone(job));
            return result;
        }
        let mut end = record::end(&result, begun.elapsed());
        if self.interrupt.is_cancelled() && result.is_err() {
            end.outcome = Outcome::Interrupted;
        }
        self.record_end(seq, &end);
        result
    }

    /// The end of what goes on is the call's: until then it is running, and
    /// unknown if this daemon does not live to see it.
    fn record_later(self: &Arc<Self>, seq: u64, job: Arc<Job>) {
        let this = Arc::clone(self);
        self.parts.tasks.spawn(async move {
            let stopping = async {
                this.parts.stopping.cancelled().await;
                // What ends with its link has an end in a moment.
                if !job.begun_as().is_durable {
                    std::future::pending::<()>().await;
                }
            };
            let status = tokio::select! {
                status = job.ended() => status,
                () = stopping => return,
            };
            let mut end = record::end_of(&job, &status);
            if this.parts.stopping.is_cancelled() && end.outcome == Outcome::Unknown {
                end.outcome = Outcome::Interrupted;
            }
            this.record_end(seq, &end);
        });
    }

    /// Durable jobs of an earlier run: their calls have no end yet, or it may
    /// have been missed.
    pub fn record_resumed(self: &Arc<Self>) {
        for job in self.parts.durable_jobs.settled() {
            let Some(seq) = job.begun_as().seq else {
                continue;
            };
            let known = self.parts.audit.get(seq);
            if let Ok(Some(record)) = known
                && record.end.is_none()
            {
                self.record_end(seq, &record::end_of(job, &job.status()));
            }
        }
        for job in self.parts.jobs.list() {
            let new = job.begun_as();
            if let Some(seq) = new.seq.filter(|_| new.is_durable) {
                self.record_later(seq, job);
            }
        }
    }

    fn record_end(&self, seq: u64, end: &CallEnd) {
        if let Err(error) = self.parts.audit.outcome(seq, end) {
            // The effect is there; hiding the answer would only hide it.
            tracing::error!(seq, %error, "the outcome was not recorded");
        }
    }

    /// Runs it; a defect in a tool ends that call alone (FAULTS 21).
    async fn run(&self, ask: Ask, caller: Caller) -> Result<Answer, Fault> {
        let running = caller.told(Box::pin(families::run(self, ask, &caller)));
        tokio::select! {
            biased;
            outcome = AssertUnwindSafe(running).catch_unwind() => outcome.unwrap_or_else(|_panic| {
                let words = "a defect of this program ended the call; the daemon's log has more";
                Err(Fault::new(Code::Internal, words))
            }),
            () = self.interrupt.cancelled() => Err(interrupted()),
        }
    }
}

/// The tool of that name, when this version serves it.
fn known(name: &str) -> Result<Tool, Fault> {
    match Tool::from_name(name) {
        Some(tool) if SERVED.contains(&tool) => Ok(tool),
        Some(tool) => {
            let words = format!("{tool} is not in this version yet");
            Err(Fault::new(Code::Unavailable, words).next("see tools/list for what is"))
        }
        None => {
            let words = format!("there is no tool `{}`", name.escape_debug());
            Err(Fault::new(Code::NotFound, words)
                .next(format!("did you mean {}?", Tool::nearest(name))))
        }
    }
}

fn unrecorded(tool: Tool, error: &AuditError) -> Fault {
    let words = format!(
        "{tool} was not run, for it cannot be recorded: {}",
        Fault::chain(error)
    );
    Fault::new(Code::Unavailable, words).next("make room on the disk and try again")
}

fn stopping() -> Fault {
    Fault::new(
        Code::Unavailable,
        "the daemon is stopping; the call was not run",
    )
    .next("call again in a moment")
}

fn interrupted() -> Fault {
    Fault::new(
        Code::OutcomeUnknown,
        "the daemon stopped before the call came to its end",
    )
    .next("see history for what was begun, then look at the host before repeating it")
}
