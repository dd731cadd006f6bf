//! `daemon start|stop|restart|status`.

use std::fs::{DirBuilder, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rustix::process::Pid;
use schema::control::Method;
use schema::limits::DRAIN;
use schema::place::Place;
use schema::{Code, Fault};

use super::control::Control;
use super::status;
use crate::config::Config;
use crate::find::Spawn;
use crate::{replies, say};

/// What a stopping daemon may take: its drain, and time to close.
const STOP_MAX: Duration = DRAIN.saturating_add(Duration::from_secs(5));
const STOP_PAUSE: Duration = Duration::from_millis(10);

/// Does what was typed after `daemon`.
pub(crate) fn run(config: &Config, operands: &[String]) -> ExitCode {
    let words: Vec<&str> = operands.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["start"] => start(config),
        ["stop"] => stop(config, true),
        ["restart"] => stop(config, false).and_then(|()| start(config)),
        ["status"] => return status::daemon(config),
        ["logs"] => {
            say::to_person("`daemon logs` is not in this version yet");
            return ExitCode::from(2);
        }
        _ => {
            say::to_person("daemon start|stop|restart|status");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            say::to_person(&replies::words(&fault));
            ExitCode::FAILURE
        }
    }
}

fn start(config: &Config) -> Result<(), Fault> {
    match std::fs::remove_file(&config.place.stopped_marker) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(marker_fault(&config.place, &error)),
    }
    let control = Control::open(config, Spawn::Ordered).map_err(|failure| failure.fault)?;
    let hello = &control.hello;
    say::answer(&format!(
        "daemon {} runs (pid {})",
        hello.version, hello.pid
    ));
    Ok(())
}

fn stop(config: &Config, stay_down: bool) -> Result<(), Fault> {
    if stay_down {
        // Before the daemon goes: no bridge may start it in between.
        mark_stopped(&config.place)?;
    }
    let mut control = match Control::open(config, Spawn::Never) {
        Ok(control) => control,
        Err(failure) if failure.absent => {
            say::answer("no daemon runs");
            return Ok(());
        }
        Err(failure) => return Err(failure.fault),
    };
    let pid = control.hello.pid;
    control.ask(Method::Stop { stay_down })?;
    let until = Instant::now() + STOP_MAX;
    while is_alive(pid) {
        if Instant::now() >= until {
            let text = format!(
                "the daemon (pid {pid}) still runs {} s later",
                STOP_MAX.as_secs()
            );
            return Err(
                Fault::new(Code::Timeout, text).next(format!("`kill {pid}` ends it at once"))
            );
        }
        std::thread::sleep(STOP_PAUSE);
    }
    say::answer(&format!("daemon stopped (pid {pid})"));
    Ok(())
}

fn mark_stopped(place: &Place) -> Result<(), Fault> {
    let made = DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(place.config_folder());
    let written = made.and_then(|()| {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        options.open(&place.stopped_marker)
    });
    written
        .map(drop)
        .map_err(|error| marker_fault(place, &error))
}

fn marker_fault(place: &Place, error: &std::io::Error) -> Fault {
    Fault::new(
        Code::Unavailable,
        format!("{}: {error}", place.stopped_marker.display()),
    )
}

/// Whether that process runs; one that nobody has reaped does not.
fn is_alive(pid: u32) -> bool {
    let Some(known) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    if rustix::process::test_kill_process(known).is_err() {
        return false;
    }
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat
        .rsplit_once(") ")
        .is_some_and(|(_, state)| state.starts_with('Z'))
}
