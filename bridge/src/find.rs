//! Finds the daemon, or has it started: connect; else, under the spawn lock,
//! connect again and start it. Blocking; runs beside the pump.

use std::process::Child;
use std::time::{Duration, Instant};

use schema::handle::Handle;
use schema::hello::Purpose;
use schema::limits::{DRAIN, HELLO_WAIT};
use schema::{Code, Fault};

use crate::config::Config;
use crate::handle_file::{self, Untrusted};
use crate::hello::{self, Greeted};
use crate::miss::{Failure, Miss};
use crate::spawn::{self, SpawnLock};
use crate::{go_daemon, socket};

/// How long a started daemon may take to its hello. It says hello before it
/// migrates, so what takes long is only an earlier one that drains and closes.
const START_MAX: Duration = DRAIN.saturating_add(Duration::from_secs(5));

/// How soon a start is tried again that met a daemon which still ends: it
/// accepts nobody any more, and has its lock until its calls are drained.
const START_AGAIN: Duration = Duration::from_millis(200);

/// Pauses between looks for a daemon that starts; it takes about 20 ms.
const START_PAUSE_MIN: Duration = Duration::from_millis(1);
const START_PAUSE_MAX: Duration = Duration::from_millis(20);

/// What may be done if nobody listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spawn {
    /// Nothing.
    Never,
    /// Start it, unless it was stopped or failed three times in a minute.
    Limited,
    /// Start it in any case: a person said so.
    Ordered,
}

/// The end of a search.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) outcome: Result<Greeted, Failure>,
    /// A daemon that was started on the way, to be reaped when it ends.
    pub(crate) child: Option<Child>,
}

/// Finds the daemon for that purpose.
pub(crate) fn find(config: &Config, purpose: Purpose, spawn: Spawn) -> Search {
    let mut child = None;
    let outcome = match look(config, purpose) {
        Ok(greeted) => Ok(greeted),
        Err(Miss::Failed(failure)) => Err(failure),
        Err(Miss::Nobody(why)) => match may_start(config, spawn, &why) {
            Ok(()) => start(config, purpose, spawn, &mut child),
            Err(fault) => Err(Failure {
                fault,
                settled: true,
                absent: true,
            }),
        },
    };
    Search { outcome, child }
}

/// Connects to a daemon that is there.
fn look(config: &Config, purpose: Purpose) -> Result<Greeted, Miss> {
    let place = &config.place;
    let handle = handle_file::read(&place.handle);
    let named = match &handle {
        Ok(Some(handle)) if !handle.socket.is_empty() => Some(handle.socket.as_str().into()),
        _ => None,
    };
    let path = named.unwrap_or_else(|| place.socket.clone());
    let stream = match socket::connect(&path, Instant::now() + HELLO_WAIT) {
        Ok(stream) => stream,
        Err(error) if socket::is_nobody(&error) => return Err(nobody(handle)),
        Err(error) => {
            let text = format!(
                "cannot connect to the daemon's socket {}: {error}",
                path.display()
            );
            return Err(Miss::settled(Fault::new(Code::Unavailable, text)));
        }
    };
    let peer = match socket::peer(&stream, &path) {
        Ok(peer) => peer,
        Err(error) => return Err(Miss::Nobody(error.to_string())),
    };
    if peer.uid != rustix::process::geteuid().as_raw() {
        let text = format!(
            "the socket {} is another user's (uid {})",
            path.display(),
            peer.uid
        );
        let next = "remove it, or name another place with --handle";
        return Err(Miss::settled(Fault::new(Code::Denied, text).next(next)));
    }
    hello::greet(stream, peer, place, purpose, &config.client)
}

fn nobody(handle: Result<Option<Handle>, Untrusted>) -> Miss {
    match handle {
        Ok(Some(handle)) if handle.socket.is_empty() && go_daemon::lives(&handle) => {
            Miss::settled(go_daemon::in_the_way(&handle))
        }
        Ok(_) => Miss::Nobody(String::new()),
        Err(untrusted) => Miss::Nobody(untrusted.0),
    }
}

fn may_start(config: &Config, spawn: Spawn, why: &str) -> Result<(), Fault> {
    let fault = |text: String| Fault::new(Code::Unavailable, text);
    let marker = config.place.stopped_marker.symlink_metadata().is_ok();
    if marker && spawn != Spawn::Ordered {
        return Err(fault("stopped by `daemon stop`".into())
            .next("start with `remote-shell-mcp daemon start`"));
    }
    if spawn == Spawn::Never || !config.may_spawn {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(": {why}")
        };
        return Err(fault(format!(
            "no daemon runs{why}, and this bridge does not start one"
        ))
        .next("start with `remote-shell-mcp daemon start`"));
    }
    Ok(())
}

fn start(
    config: &Config,
    purpose: Purpose,
    spawn: Spawn,
    child: &mut Option<Child>,
) -> Result<Greeted, Failure> {
    let settled = |fault| Failure {
        fault,
        settled: true,
        absent: false,
    };
    let lock = SpawnLock::take(&config.place).map_err(settled)?;
    let why = match look(config, purpose) {
        Ok(greeted) => return Ok(greeted),
        Err(Miss::Failed(failure)) => return Err(failure),
        Err(Miss::Nobody(why)) => why,
    };
    may_start(config, spawn, &why).map_err(settled)?;
    if spawn == Spawn::Ordered {
        lock.forget_failures();
    } else if let Some(fault) = lock.tried_enough(&config.place) {
        return Err(settled(fault));
    }
    *child = Some(spawn::launch(config).map_err(settled)?);
    let outcome = await_hello(config, purpose, spawn, &lock, child);
    if outcome.is_ok() {
        lock.forget_failures();
    }
    outcome
}

/// Waits for the started daemon's hello, or its end.
fn await_hello(
    config: &Config,
    purpose: Purpose,
    spawn: Spawn,
    lock: &SpawnLock,
    started: &mut Option<Child>,
) -> Result<Greeted, Failure> {
    let until = Instant::now() + START_MAX;
    let mut pause = START_PAUSE_MIN;
    let mut again_at = None;
    loop {
        match look(config, purpose) {
            Ok(greeted) => return Ok(greeted),
            Err(Miss::Failed(failure)) => return Err(failure),
            Err(Miss::Nobody(_)) => {}
        }
        match spawn::ended(started) {
            Some(status) if spawn::another_runs(status) => {
                again_at = Some(Instant::now() + START_AGAIN);
            }
            Some(status) => {
                let settled = lock.note_failure();
                let fault = spawn::failed(&config.place, status);
                return Err(Failure {
                    fault,
                    settled,
                    absent: false,
                });
            }
            None => {}
        }
        if again_at.is_some_and(|at| Instant::now() >= at) {
            again_at = None;
            // A person may have stopped it meanwhile.
            let launched = may_start(config, spawn, "").and_then(|()| spawn::launch(config));
            *started = Some(launched.map_err(|fault| Failure {
                fault,
                settled: true,
                absent: false,
            })?);
        }
        if Instant::now() >= until {
            let text = format!(
                "the daemon does not answer {} s after its start",
                START_MAX.as_secs()
            );
            let fault =
                Fault::new(Code::Unavailable, text).next("see `remote-shell-mcp daemon status`");
            return Err(Failure {
                fault,
                settled: true,
                absent: false,
            });
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(START_PAUSE_MAX);
    }
}
