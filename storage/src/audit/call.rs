//! A call as the log takes it in and gives it out.

/// A call before its effect. All texts pass the redaction by patterns again;
/// `arguments_json` had its typed secrets taken out before.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NewCall {
    /// Unix time in milliseconds.
    pub at_ms: i64,
    /// The client's name.
    pub client: String,
    /// How it came: `stdio`, `http`, `cli`.
    pub reach: String,
    /// The tool.
    pub tool: String,
    /// The session it works on.
    pub session_id: Option<String>,
    /// The Docker host it works on.
    pub host_id: Option<String>,
    /// `user@host`, container, path: for a person.
    pub target: Option<String>,
    /// One line for a person.
    pub summary: String,
    /// The arguments, a JSON object.
    pub arguments_json: String,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// It did what was asked.
    #[default]
    Ok,
    /// It answered with an error.
    Error,
    /// It was cut off, by its caller or by the daemon's end.
    Interrupted,
    /// It may have taken effect or not.
    Unknown,
}

/// A call's end, before its answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallEnd {
    /// How it ended.
    pub outcome: Outcome,
    /// The stable code of its error.
    pub code: Option<String>,
    /// The exit code of what it ran.
    pub exit_code: Option<i64>,
    /// Milliseconds from intent to end.
    pub duration_ms: u64,
    /// The head of the result; cut to 4 KiB.
    pub result_head: String,
    /// The job that goes on.
    pub job_id: Option<String>,
}

/// A recorded call's outcome as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordedOutcome {
    /// It did what was asked.
    Ok,
    /// It answered with an error.
    Error,
    /// It was cut off.
    Interrupted,
    /// It may have taken effect or not; also an intent of an earlier run that
    /// has no outcome.
    Unknown,
    /// An intent of this run that has no outcome yet.
    Running,
}

/// One recorded call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// Its number: rising, never used twice.
    pub seq: u64,
    /// The daemon's run it belongs to, counted from 1.
    pub run: u64,
    /// What was asked, redacted.
    pub call: NewCall,
    /// How it ended.
    pub outcome: RecordedOutcome,
    /// The end, unless it is running or unknown.
    pub end: Option<CallEnd>,
    /// How many equal reads this record stands for; 1 for all else.
    pub count: u64,
    /// When the last of them was, Unix time in milliseconds.
    pub last_at_ms: i64,
}

/// Which calls to list. `None` does not restrict.
#[derive(Debug, Clone, Default)]
pub struct HistoryQuery {
    /// Found in tool, target, summary or arguments, whatever the case.
    pub query: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// The session's id.
    pub session_id: Option<String>,
    /// The Docker host's id.
    pub host_id: Option<String>,
    /// The client's name.
    pub client: Option<String>,
    /// How it ended.
    pub outcome: Option<RecordedOutcome>,
    /// Not before this Unix time in milliseconds.
    pub since_ms: Option<i64>,
    /// Not after this Unix time in milliseconds.
    pub until_ms: Option<i64>,
    /// How many at most, 500 at most; 0 counts as 50.
    pub limit: usize,
    /// Only those with a smaller number.
    pub before: Option<u64>,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AuditCounts {
    /// Recorded calls, folded polls as one.
    pub records: u64,
    /// When the oldest was, Unix time in milliseconds.
    pub oldest_ms: Option<i64>,
    /// Reads that were not recorded because too many came at once.
    pub lost_reads: u64,
}

impl HistoryQuery {
    /// Whether the record is asked for.
    pub(super) fn takes(&self, record: &CallRecord) -> bool {
        let call = &record.call;
        let same = |asked: &Option<String>, found: Option<&str>| {
            asked.as_deref().is_none_or(|asked| found == Some(asked))
        };
        same(&self.tool, Some(&call.tool))
            && same(&self.session_id, call.session_id.as_deref())
            && same(&self.host_id, call.host_id.as_deref())
            && same(&self.client, Some(&call.client))
            && self.outcome.is_none_or(|asked| asked == record.outcome)
            && self.since_ms.is_none_or(|since| record.last_at_ms >= since)
            && self.until_ms.is_none_or(|until| call.at_ms <= until)
            && self.before.is_none_or(|before| record.seq < before)
            && self
                .query
                .as_deref()
                .is_none_or(|query| mentions(call, query))
    }
}

fn mentions(call: &NewCall, query: &str) -> bool {
    let query = query.to_lowercase();
    let target = call.target.as_deref().unwrap_or_default();
    [&call.tool, target, &call.summary, &call.arguments_json]
        .iter()
        .any(|text| text.to_lowercase().contains(&query))
}
