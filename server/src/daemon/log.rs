//! The log: a rotating file in the data folder. No argument, result or secret
//! is logged at any level.

use std::io;
use std::path::Path;
use std::sync::Mutex;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use super::rotate::{FILE_MAX_BYTES, Rotating};

/// The file's name in the data folder.
pub const FILE_NAME: &str = "daemon.log";

/// Crates that log what they carry: rmcp arguments and results at debug, and
/// whole notifications at info; bollard bodies; russh packets; hyper headers.
const CLAMPED: [(&str, LevelFilter); 6] = [
    ("rmcp", LevelFilter::WARN),
    ("bollard", LevelFilter::INFO),
    ("russh", LevelFilter::INFO),
    ("hyper", LevelFilter::INFO),
    ("hyper_util", LevelFilter::INFO),
    ("h2", LevelFilter::INFO),
];

/// Starts logging for the whole process, panics included.
pub fn start(folder: &Path, json: bool, level: Level) -> io::Result<()> {
    let file = Mutex::new(Rotating::open(&folder.join(FILE_NAME), FILE_MAX_BYTES)?);
    let subscriber = tracing_subscriber::registry();
    let format = tracing_subscriber::fmt::layer().with_ansi(false);
    if json {
        let layer = format.json().with_writer(file);
        set(subscriber.with(layer.with_filter(targets(level))))?;
    } else {
        let layer = format.with_writer(file);
        set(subscriber.with(layer.with_filter(targets(level))))?;
    }
    log_panics();
    Ok(())
}

fn set(subscriber: impl Subscriber + for<'a> LookupSpan<'a> + Send + Sync) -> io::Result<()> {
    tracing::subscriber::set_global_default(subscriber).map_err(io::Error::other)
}

fn targets(level: Level) -> Targets {
    let level = LevelFilter::from_level(level);
    let clamped = CLAMPED.map(|(target, most)| (target, level.min(most)));
    Targets::new().with_default(level).with_targets(clamped)
}

/// Logs where a panic was, never its words, which may quote an argument.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(
            place = place.as_deref().unwrap_or("unknown"),
            thread = thread.name().unwrap_or("unnamed"),
            "a panic"
        );
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_logs_arguments_is_held_back_at_every_level() {
        for level in [Level::TRACE, Level::DEBUG, Level::INFO, Level::ERROR] {
            let targets = targets(level);
            assert!(!targets.would_enable("rmcp::service", &Level::DEBUG));
            assert!(targets.would_enable("rmcp::service", &Level::ERROR));
            assert!(targets.would_enable("server::serve", &level));
        }
    }
}
