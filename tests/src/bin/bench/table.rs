//! The table of figures: each is printed when it is known, and those below
//! their floor are told once more at the end.

use std::process::ExitCode;
use std::time::Duration;

/// What has been measured so far.
pub(crate) struct Table {
    lines: Vec<String>,
    failed: Vec<String>,
}

/// What a ratio, ours over theirs, may be.
#[derive(Clone, Copy)]
pub(crate) enum Bound {
    /// At least: for a throughput.
    Least(f64),
    /// At most: for a time.
    Most(f64),
    /// It is only told.
    Free,
}

impl Table {
    pub(crate) fn new() -> Self {
        let mut table = Self {
            lines: Vec::new(),
            failed: Vec::new(),
        };
        table.line("| figure | ours | beside | theirs | ours / theirs | bound |".into());
        table.line("| --- | ---: | --- | ---: | ---: | ---: |".into());
        table
    }

    /// A figure with no peer.
    pub(crate) fn alone(&mut self, what: &str, value: impl Into<String>) {
        self.line(format!("| {what} | {} | | | | |", value.into()));
    }

    /// Two times for the same work.
    pub(crate) fn times(
        &mut self,
        what: &str,
        ours: Duration,
        (peer, theirs): (&str, Duration),
        bound: Bound,
    ) {
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        self.row(what, &shown(ours), (peer, &shown(theirs)), ratio, bound);
    }

    /// The same as throughputs: twice as fast is a ratio of 2.
    pub(crate) fn speeds(
        &mut self,
        what: &str,
        ours: Duration,
        (peer, theirs): (&str, Duration),
        bound: Bound,
    ) {
        let ratio = theirs.as_secs_f64() / ours.as_secs_f64();
        self.row(what, &shown(ours), (peer, &shown(theirs)), ratio, bound);
    }

    /// Any two numbers.
    pub(crate) fn row(
        &mut self,
        what: &str,
        ours: &str,
        (peer, theirs): (&str, &str),
        ratio: f64,
        bound: Bound,
    ) {
        let (limit, is_met) = match bound {
            Bound::Least(least) => (format!("at least {least}"), ratio >= least),
            Bound::Most(most) => (format!("at most {most}"), ratio <= most),
            Bound::Free => (String::new(), true),
        };
        let line = format!("| {what} | {ours} | {peer} | {theirs} | {ratio:.2} | {limit} |");
        if !is_met {
            self.failed.push(line.clone());
        }
        self.line(line);
    }

    fn line(&mut self, line: String) {
        println!("{line}");
        self.lines.push(line);
    }

    /// The table as it was printed.
    pub(crate) fn text(&self) -> String {
        self.lines.join("\n") + "\n"
    }

    /// Whether every figure was within its bound.
    pub(crate) fn verdict(self) -> ExitCode {
        if self.failed.is_empty() {
            return ExitCode::SUCCESS;
        }
        println!("\nOut of bounds:\n\n{}", self.failed.join("\n"));
        ExitCode::FAILURE
    }
}

/// A length in milliseconds, or in seconds from ten on.
pub(crate) fn shown(length: Duration) -> String {
    if length.as_secs() >= 10 {
        format!("{:.1} s", length.as_secs_f64())
    } else {
        format!("{:.2} ms", length.as_secs_f64() * 1000.0)
    }
}

/// KiB as MiB.
pub(crate) fn mib(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}

/// The middle one.
pub(crate) fn median(mut lengths: Vec<Duration>) -> Duration {
    lengths.sort_unstable();
    lengths.get(lengths.len() / 2).copied().unwrap_or_default()
}

/// The medians of pairs that were measured in turn.
pub(crate) fn medians(pairs: &[(Duration, Duration)]) -> (Duration, Duration) {
    (
        median(pairs.iter().map(|pair| pair.0).collect()),
        median(pairs.iter().map(|pair| pair.1).collect()),
    )
}
