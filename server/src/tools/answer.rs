//! What a tool answers before it is rendered.

use schema::Fault;
use serde::Serialize;
use serde_json::{Map, Value};

/// A tool's answer, and what the audit log keeps of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) body: Body,
    /// Small fields for programs.
    pub(super) structured: Map<String, Value>,
    /// Of what it ran.
    pub(super) exit_code: Option<i64>,
    /// The job that goes on.
    pub(super) job_id: Option<String>,
    /// How long a text may be in the result; the caller's limit when absent.
    pub(super) max_bytes: Option<usize>,
    /// The call that reads what a limit cut: `{field}` and `{offset}` are
    /// filled in.
    pub(super) more: Option<String>,
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
