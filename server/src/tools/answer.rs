//! What a tool answers before it is rendered.

use std::sync::Arc;

use schema::Fault;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::job::Job;

/// A tool's answer, and what the audit log keeps of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    pub(super) body: Body,
    /// Small fields for programs.
    pub(super) structured: Map<String, Value>,
    /// Of what it ran.
    pub(super) exit_code: Option<i64>,
    /// The job that has its output.
    pub(super) job_id: Option<String>,
    /// What the call started and did not wait for: its end is the call's.
    pub(super) goes_on: Option<Arc<Job>>,
    /// How long a text may be in the result; the caller's limit when absent.
    pub(super) max_bytes: Option<usize>,
    /// How what a limit cut is read.
    pub(super) more: More,
}

/// The call that reads what a limit cut out of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct More {
    /// `{field}` and `{offset}` are filled in; empty for none.
    pub(super) call: String,
    /// Where each text of the answer begins in its stream.
    pub(super) begins: Vec<Begin>,
}

/// Where a text begins in the stream that it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Begin {
    /// The answer's field.
    pub(super) field: &'static str,
    /// Of its first byte.
    pub(super) offset: u64,
    /// The text is the stream's bytes, one for one, up to a gap.
    pub(super) is_exact: bool,
    /// Where its middle was left out before.
    pub(super) gap: Option<Gap>,
}

/// A middle that a text never had, and the words that stand in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gap {
    /// Where the words begin in the text, in bytes.
    pub(super) at: usize,
    /// How long they are, in bytes.
    pub(super) words: usize,
    /// What is left out, in bytes of the stream.
    pub(super) left_out: u64,
}

impl More {
    /// A call without offsets.
    pub(super) fn call(call: impl Into<String>) -> Self {
        Self {
            call: call.into(),
            begins: Vec::new(),
        }
    }

    /// The gap that the text of `field` has.
    pub(super) fn gap(&self, field: &str) -> Option<Gap> {
        let begin = self.begins.iter().find(|begin| begin.field == field);
        begin.and_then(|begin| begin.gap)
    }

    /// The call for `field` of which the first `shown` bytes were kept. Where
    /// text and stream differ it reads from the text's beginning: too much is
    /// shown twice, nothing is passed over.
    pub(super) fn after(&self, field: &str, shown: usize) -> String {
        let begin = self.begins.iter().find(|begin| begin.field == field);
        let offset = match begin {
            Some(begin) if begin.is_exact => begin.offset + shown as u64,
            Some(begin) => begin.offset,
            None => shown as u64,
        };
        self.at(field, offset)
    }

    /// The call for `field` from `offset` on.
    pub(super) fn at(&self, field: &str, offset: u64) -> String {
        self.call
            .replace("{field}", field)
            .replace("{offset}", &offset.to_string())
    }
}

/// The answer itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    /// Plain words.
    Text(String),
    /// One record.
    Record(Map<String, Value>),
    /// Flat records, all with the same fields.
    Rows(Vec<Value>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl Answer {
    pub(super) fn text(words: impl Into<String>) -> Self {
        Self {
            body: Body::Text(words.into()),
            ..Self::default()
        }
    }

    pub(super) fn record(record: &impl Serialize) -> Result<Self, Fault> {
        match serde_json::to_value(record).map_err(|error| unwritable(&error))? {
            Value::Object(fields) => Ok(Self {
                body: Body::Record(fields),
                ..Self::default()
            }),
            other => Ok(Self::text(other.to_string())),
        }
    }

    pub(super) fn rows(rows: impl IntoIterator<Item = impl Serialize>) -> Result<Self, Fault> {
        let rows = rows
            .into_iter()
            .map(|row| serde_json::to_value(row).map_err(|error| unwritable(&error)))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            body: Body::Rows(rows),
            ..Self::default()
        })
    }
}

fn unwritable(error: &serde_json::Error) -> Fault {
    Fault::new(
        schema::Code::Internal,
        format!("the result cannot be written: {error}"),
    )
}
