//! The project's own commands: `cargo xtask COMMAND`.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is a command line, and its output is what a person reads"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "a command of the workshop reads its own environment"
)]

mod bench;
mod ci;
mod command;
mod demo;
mod deny;
mod fetch;
mod install;
mod pins;
mod snapshots;
mod suites;
mod test;
mod tidy;

use std::process::ExitCode;

use command::Outcome;

const USAGE: &str = "\
cargo xtask COMMAND

  ci          fmt, tidy, clippy, doc, deny, tests, contract snapshots: what CI runs
  tidy        the rules of ARCHITECTURE.md and CONTRIBUTING.md that a compiler cannot check
  deny        licences and sources of every dependency
  test        everything, with what the stories need fetched into target/deps
                test SUITE ..     only those (unit, or the name of a file in tests/tests)
  snapshots   writes schema/snapshots
  bench       figures of the release build, as a table
  install     builds for release and puts both programs into ~/.local/bin
  demo        the program's main job against a throw-away SSH server, step by step";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (name, rest) = match arguments.split_first() {
        Some((name, rest)) => (name.as_str(), rest),
        None => ("help", arguments.as_slice()),
    };
    match dispatch(name, rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(name: &str, rest: &[String]) -> Outcome {
    match name {
        "ci" => ci::run(),
        "tidy" => tidy::run(),
        "deny" => deny::run(),
        "test" => test::run(rest),
        "snapshots" => snapshots::write(),
        "bench" => bench::run(rest),
        "install" => install::run(),
        "demo" => demo::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        other => Err(format!("no command `{other}`\n\n{USAGE}")),
    }
}
