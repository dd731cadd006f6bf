//! `cargo xtask test`: gets what is needed, builds, runs every suite, and says
//! of each whether it passed, failed, or could not run and why.

use std::time::Instant;

use crate::command::{self, Outcome, cargo, in_ci};
use crate::fetch::{Found, Need, gather};
use crate::suites::{Suite, all};

/// How one suite ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum End {
    Passed,
    /// Failed at first and passed by itself: a race that somebody has to look at.
    Flaky,
    Failed,
    CouldNotRun(String),
}

/// Runs the suites named, or all.
pub(crate) fn run(names: &[String]) -> Outcome {
    let mut suites = all()?;
    if let Some(unknown) = names
        .iter()
        .find(|name| !suites.iter().any(|s| s.name == **name))
    {
        let known: Vec<_> = suites.iter().map(|suite| suite.name.as_str()).collect();
        return Err(format!(
            "no suite `{unknown}`; there are {}",
            known.join(", ")
        ));
    }
    suites.retain(|suite| names.is_empty() || names.contains(&suite.name));
    let mut needs: Vec<Need> = suites
        .iter()
        .flat_map(|suite| suite.needs.clone())
        .collect();
    needs.sort_unstable();
    needs.dedup();
    let found = gather(&needs)?;
    build(&suites)?;
    let ends: Vec<_> = suites.iter().map(|suite| timed(suite, &found)).collect();
    summary(&suites, &ends)
}

/// The programs under test, and the tests, before any clock runs.
fn build(suites: &[Suite]) -> Outcome {
    if suites.iter().any(|suite| suite.name != "unit") {
        command::run(cargo().args(["build", "--workspace", "--bins", "--locked"]))?;
    }
    command::run(cargo().args(["test", "--workspace", "--no-run", "--locked", "--quiet"]))
}

fn timed(suite: &Suite, found: &Found) -> (End, f64) {
    let start = Instant::now();
    let missing = suite.needs.iter().find_map(|need| found.missing(*need));
    // Suites drive real servers and shells on a machine that others load too; one lost
    // moment there is no reason to turn a change away, and the summary tells of it. On
    // the machine of whoever writes the test a failure stays one.
    let passes = |threads| command::run(cargo().args(arguments(suite, threads))).is_ok();
    let end = match missing {
        Some(why) => End::CouldNotRun(why.to_owned()),
        None if passes(suite.threads) => End::Passed,
        None if in_ci() && passes(1) => End::Flaky,
        None => End::Failed,
    };
    (end, start.elapsed().as_secs_f64())
}

fn arguments(suite: &Suite, threads: usize) -> Vec<String> {
    // Always of the whole workspace: for one package alone cargo would choose
    // fewer features, and build every library a second time.
    let (which, filter): (&[&str], &[&str]) = match suite.name.as_str() {
        "unit" => (&["--exclude", "tests"], &[]),
        "harness" => (&["--lib"], &["harness_tests::"]),
        story => (&["--test", story], &[]),
    };
    let threads = format!("--test-threads={threads}");
    let fixed = ["test", "--locked", "--quiet", "--workspace"];
    let words = fixed.iter().chain(which).copied();
    let words = words.chain(["--", &threads]).chain(filter.iter().copied());
    words.map(str::to_owned).collect()
}

fn summary(suites: &[Suite], ends: &[(End, f64)]) -> Outcome {
    println!("\n{:<16} {:>8}  result", "suite", "seconds");
    let mut failed = 0;
    for (suite, (end, seconds)) in suites.iter().zip(ends) {
        let result = match end {
            End::Passed => "passed".to_owned(),
            End::Flaky => "passed at the second run only: FLAKY, see above".to_owned(),
            End::Failed => "FAILED".to_owned(),
            End::CouldNotRun(why) => format!("could not run: {why}"),
        };
        failed += usize::from(counts_as_failure(end, in_ci()));
        println!("{:<16} {seconds:>8.1}  {result}", suite.name);
    }
    if failed == 0 {
        Ok(())
    } else {
        Err(format!("{failed} of {} suites did not pass", suites.len()))
    }
}

/// In CI nothing may be left out in silence.
fn counts_as_failure(end: &End, in_ci: bool) -> bool {
    match end {
        End::Passed | End::Flaky => false,
        End::Failed => true,
        End::CouldNotRun(_) => in_ci,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_run_is_a_failure_in_ci_only() {
        let end = End::CouldNotRun("no sshd".into());
        assert!(counts_as_failure(&end, true));
        assert!(!counts_as_failure(&end, false));
        assert!(counts_as_failure(&End::Failed, false));
        assert!(!counts_as_failure(&End::Passed, true));
        assert!(!counts_as_failure(&End::Flaky, true));
    }
}
