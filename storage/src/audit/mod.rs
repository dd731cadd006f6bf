//! What was done: every call, in a chained log that survives the process.
//!
//! A call's intent is in `audit.tail` before its effect and its outcome before
//! its answer; a thread folds the tail into monthly segments, durably.

mod call;
mod chain;
mod entry;
mod error;
mod fold;
mod front;
mod head;
mod log;
mod month;
mod open;
mod polls;
mod query;
mod segment;
mod shared;
mod shelf;
mod tail;
mod verify;

pub use call::{AuditCounts, CallEnd, CallRecord, HistoryQuery, NewCall, Outcome, RecordedOutcome};
pub use error::AuditError;
pub use log::AuditLog;
pub use open::{AuditOpened, AuditOptions};
pub use verify::VerifyReport;
