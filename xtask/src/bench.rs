//! `cargo xtask bench`: the figures of the release build.

use crate::command::{self, Outcome, cargo, program, target};
use crate::fetch::{Need, gather};

/// Builds for release and prints one table; with `--write` also into
/// `docs/benchmarks.md`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let found = gather(&[Need::OpenSsh])?;
    if let Some(why) = found.missing(Need::OpenSsh) {
        return Err(format!("the bench needs OpenSSH: {why}"));
    }
    command::run(cargo().args(["build", "--workspace", "--bins", "--release", "--locked"]))?;
    let mut bench = program(target().join("release/bench"));
    for argument in arguments {
        bench.arg(argument);
        if argument == "--write" {
            bench.arg("docs/benchmarks.md");
        }
    }
    command::run(&mut bench)
}
