//! `cargo xtask demo`: builds what the demonstration needs and runs it.

use crate::command::{self, Outcome, cargo, program, target};

/// Everything that the demonstration makes is gone at its end.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    command::run(cargo().args(["build", "--workspace", "--bins", "--locked", "--quiet"]))?;
    command::run(program(target().join("debug/demo")).args(arguments))
}
