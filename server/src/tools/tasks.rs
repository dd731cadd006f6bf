//! A job as a task: what a client sees of it that polls instead of calling
//! `job_wait`.

use schema::tools::Tool;
use schema::tools::job::JobState;
use schema::{Code, Fault};
use serde_json::json;

use super::caller::Caller;
use super::desk::Tools;
use super::families::{Ask, whole};
use super::progress::so_far;
use super::render;
use super::reply::Reply;
use crate::clock::rfc3339;

/// Where a job stands, for a client that polls.
#[derive(Debug)]
pub struct Task {
    /// The job's id.
    pub id: String,
    /// When it began, RFC 3339.
    pub created_at: String,
    /// When it ended; now while it runs, for it may have printed.
    pub updated_at: String,
    /// How it stands, for a person.
    pub words: String,
    /// How it stands, for a program.
    pub stage: Stage,
}

/// The stages of a task.
#[derive(Debug)]
pub enum Stage {
    /// It runs.
    Working,
    /// It was told to end, and did.
    Cancelled,
    /// It ended, and this is what its call answers.
    Ended(Reply),
}

impl Tools {
    /// The task that the job `id` is. Asking consumes nothing and may be
    /// repeated; who may not call `job_wait` may not ask either.
    pub fn task(&self, id: &str, caller: &Caller) -> Result<Task, Fault> {
        let ask = Ask::read(Tool::JobWait, json!({"job_id": id}))?;
        self.parts
            .rules
            .permit(Tool::JobWait, &ask.subject(&self.parts), &caller.client)?;
        let job = self.parts.jobs.get(id).ok_or_else(|| {
            let words = format!("there is no task `{}`", id.escape_debug());
            Fault::new(Code::NotFound, words)
        })?;
        let status = job.status();
        let limits = render::Limits::of(caller, self.parts.result_limit);
        let stage = match status.state {
            JobState::Running => Stage::Working,
            JobState::Cancelled => Stage::Cancelled,
            _ => Stage::Ended(match whole(&job, &status, self.parts.result_limit) {
                Ok(answer) => render::answer(answer, limits),
                Err(fault) => render::fault(&fault, limits),
            }),
        };
        let began = job.begun_as().started_at;
        let ended = status.took.and_then(|took| began.checked_add(took));
        Ok(Task {
            id: job.id().to_owned(),
            created_at: rfc3339(began),
            updated_at: rfc3339(ended.unwrap_or_else(|| self.parts.clock.now())),
            words: match stage {
                Stage::Working => so_far(&job),
                _ => status.state.to_string(),
            },
            stage,
        })
    }
}
