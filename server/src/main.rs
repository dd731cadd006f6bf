//! The daemon `remote-shell-mcpd`.

use std::process::ExitCode;

use server::daemon::config::Config;
use server::daemon::exit::EXIT_CONFIG;
use server::daemon::hardening::{allow_many_files, harden};
use server::daemon::memory::keep_freed_memory;
use server::daemon::options::{Environment, Flags};
use server::daemon::run::StartError;

/// Threads of the runtime. The work is waiting for sockets; ciphers run on
/// these threads too, so one alone would stall behind a large transfer.
const WORKERS: usize = 3;

fn main() -> ExitCode {
    let flags = match Flags::read(std::env::args_os()) {
        Ok(flags) => flags,
        Err(help) => {
            let code = if help.use_stderr() { EXIT_CONFIG } else { 0 };
            return match help.print() {
                Ok(()) => ExitCode::from(code),
                Err(_closed) => ExitCode::FAILURE,
            };
        }
    };
    match start(&flags) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            last_words(&error.words);
            ExitCode::from(error.exit)
        }
    }
}

fn start(flags: &Flags) -> Result<u8, StartError> {
    let wrong = |words: String| StartError {
        words,
        exit: EXIT_CONFIG,
    };
    harden().map_err(|error| wrong(format!("cannot harden the process: {error}")))?;
    if let Err(error) = allow_many_files() {
        tracing::debug!(%error, "the limit of open files stays as it is");
    }
    keep_freed_memory();
    let environment = Environment::from_variables(std::env::vars_os());
    let config = Config::resolve(flags, &environment)
        .map_err(|error| wrong(schema::Fault::chain(&error)))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .map_err(|error| wrong(format!("cannot start the runtime: {error}")))?;
    let code = runtime.block_on(server::daemon::run(config));
    runtime.shutdown_background();
    code
}

#[expect(
    clippy::print_stderr,
    reason = "the bridge shows the daemon's last words"
)]
fn last_words(words: &str) {
    eprintln!("remote-shell-mcpd: {words}");
}
