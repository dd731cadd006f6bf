//! A job's card: what it is and how it ended.

/// What is known of a job beside its output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// The job's id, which names its folder.
    pub job_id: String,
    /// The tool that started it.
    pub tool: String,
    /// The session, or the Docker host and container.
    pub target: String,
    /// What it runs. Secrets are taken out when the card is written, and a
    /// very long one is cut, so that what is read again may differ.
    pub command: String,
    /// Keep control sequences in results.
    pub raw: bool,
    /// Unix time in milliseconds.
    pub started_at_ms: i64,
    /// Its number in history.
    pub seq: Option<u64>,
    /// How it ended; none while it runs, or if nobody wrote it down.
    pub end: Option<CardEnd>,
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CardEnd {
    /// The state's name in the contract: `exited`, say.
    pub state: String,
    /// Present when it exited.
    pub exit_code: Option<i32>,
    /// The signal that ended it; empty for none.
    pub signal: String,
    /// Why nobody knows how it ended; empty when somebody does.
    pub lost_reason: String,
    /// The code of the error for which it certainly never started, whose words are
    /// the reason; none if it may have.
    pub failed_code: Option<String>,
    /// Variables that could not be set.
    pub env_refused: Vec<String>,
    /// It was told to end and did not.
    pub survived: bool,
    /// From its start to its end, in milliseconds.
    pub took_ms: u64,
}

impl Card {
    /// When it ended, Unix time in milliseconds; none without an end.
    pub fn ended_at_ms(&self) -> Option<i64> {
        let took_ms = self.end.as_ref()?.took_ms;
        Some(self.started_at_ms.saturating_add_unsigned(took_ms))
    }
}
