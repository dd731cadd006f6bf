//! `remote-shell-mcp`: gives an MCP client stdio to the daemon, which it finds
//! or starts, and a person a command line.

mod args;
mod command;
mod config;
mod ends;
mod find;
mod frame;
mod go_daemon;
mod handle_file;
mod handshake;
mod hello;
mod ledger;
mod miss;
mod outbox;
mod pump;
mod repeatable;
mod replies;
mod request_id;
mod say;
mod scan;
mod seeker;
mod session;
mod socket;
mod spawn;
mod trust;

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::process::ExitCode;

use crate::args::Args;
use crate::config::Config;

const USAGE: &str = include_str!("usage.txt");

/// A wrong command line, and what is not there yet.
const WRONG_USE: u8 = 2;

/// Commands that the design has and this version has not.
const LATER: [&str; 12] = [
    "attach",
    "config",
    "db",
    "exec",
    "history",
    "replay",
    "secret",
    "setup",
    "tools",
    "uninstall",
    "url",
    "completions",
];

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1).peekable();
    if words
        .next_if(|word| word == OsStr::new(spawn::DETACH))
        .is_some()
    {
        say::to_person(&spawn::detach(words));
        return ExitCode::FAILURE;
    }
    if words.peek().is_none() && std::io::stdin().is_terminal() {
        say::answer(USAGE.trim_end());
        return ExitCode::SUCCESS;
    }
    match args::parse(words) {
        Ok(args) => run(&args),
        Err(why) => wrong(&format!("{why}; see `remote-shell-mcp --help`")),
    }
}

fn run(args: &Args) -> ExitCode {
    let command = args.command.as_deref();
    if args.flags.help || command == Some("help") {
        say::answer(USAGE.trim_end());
        return ExitCode::SUCCESS;
    }
    if args.flags.version || command == Some("version") {
        let wire = schema::hello::WIRE;
        say::answer(&format!(
            "remote-shell-mcp {} (wire {} to {})",
            env!("CARGO_PKG_VERSION"),
            wire.min,
            wire.max
        ));
        return ExitCode::SUCCESS;
    }
    if let Some(command) = command.filter(|command| LATER.contains(command)) {
        return wrong(&format!("`{command}` is not in this version yet"));
    }
    let config = match Config::load(&args.flags) {
        Ok(config) => config,
        Err(why) => return wrong(&why),
    };
    for warning in &config.warnings {
        say::to_person(warning);
    }
    match command {
        None => bridge(config),
        Some("status") => command::status::run(&config),
        Some("hostkeys") => command::hostkeys::run(&config, &args.operands),
        Some("leftovers") => command::leftovers::run(&config, &args.operands),
        Some("daemon") => command::daemon::run(&config, &args.operands),
        Some(other) => wrong(&format!(
            "unknown command {other}; see `remote-shell-mcp --help`"
        )),
    }
}

fn bridge(config: Config) -> ExitCode {
    match pump::run(config) {
        Ok(()) => ExitCode::SUCCESS,
        // The client is gone; there is nobody left to tell.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            say::to_person(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

fn wrong(why: &str) -> ExitCode {
    say::to_person(why);
    ExitCode::from(WRONG_USE)
}
