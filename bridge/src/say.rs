//! Words for people. In the stdio bridge stdout is the wire, and only stderr is
//! spoken to.

use std::io::Write;
use std::process::ExitCode;

use schema::Fault;

use crate::replies;

/// A line on stderr. A closed stderr is no reason to stop.
pub(crate) fn to_person(words: &str) {
    drop(writeln!(std::io::stderr(), "remote-shell-mcp: {words}"));
}

/// A command's answer on stdout; never in the stdio bridge.
pub(crate) fn answer(words: &str) {
    // Whoever cut the pipe wants no more.
    drop(writeln!(std::io::stdout(), "{words}"));
}

/// What a command came to, and its exit code.
pub(crate) fn outcome(done: Result<String, Fault>) -> ExitCode {
    match done {
        Ok(text) => {
            answer(&text);
            ExitCode::SUCCESS
        }
        Err(fault) => {
            to_person(&replies::words(&fault));
            ExitCode::FAILURE
        }
    }
}
