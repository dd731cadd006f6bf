//! Starts the daemon, detached: one at a time, not too often, and keeping its
//! last words.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, SystemTime};

use rustix::fs::FlockOperation;
use schema::place::Place;
use schema::{Code, Fault};

use crate::config::Config;
use crate::trust;

/// The hidden command with which the bridge runs itself to detach a daemon.
pub(crate) const DETACH: &str = "__detach";

/// Starts that may fail in [`TRIES_WINDOW`], over all bridges.
const TRIES_MAX: usize = 3;
const TRIES_WINDOW: Duration = Duration::from_mins(1);

/// The daemon's exit when another one holds its lock.
const ANOTHER_RUNS: i32 = 75;

/// What is shown of a daemon's last words.
const LAST_WORDS_MAX_BYTES: u64 = 2000;

/// Held by whoever starts a daemon. The file lists the failed starts of the
/// last minute, in seconds since 1970.
#[derive(Debug)]
pub(crate) struct SpawnLock(File);

impl SpawnLock {
    /// Waits for the lock, for as long as another bridge starts a daemon.
    pub(crate) fn take(place: &Place) -> Result<Self, Fault> {
        let path = &place.spawn_lock;
        let lock = || -> io::Result<File> {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(place.config_folder())?;
            let file =
                private(OpenOptions::new().read(true).write(true).create(true)).open(path)?;
            loop {
                match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
                    Err(rustix::io::Errno::INTR) => {}
                    done => return done.map(|()| file).map_err(io::Error::from),
                }
            }
        };
        lock().map(Self).map_err(|error| {
            Fault::new(
                Code::Unavailable,
                format!("cannot lock {}: {error}", path.display()),
            )
        })
    }

    /// What is said instead of one more try.
    pub(crate) fn tried_enough(&self, place: &Place) -> Option<Fault> {
        let failures = self.failures();
        let oldest = failures.first().filter(|_| failures.len() >= TRIES_MAX)?;
        let wait = (oldest + TRIES_WINDOW.as_secs()).saturating_sub(now_s());
        let fault = Fault::new(
            Code::Unavailable,
            format!(
                "the daemon failed to start {TRIES_MAX} times in a minute; its last words: {}",
                last_words(place)
            ),
        );
        Some(fault.next(format!(
            "repair that; it is tried again in {wait} s, or by `remote-shell-mcp daemon start`"
        )))
    }

    /// Counts a failed start; whether it was the last try for now.
    pub(crate) fn note_failure(&self) -> bool {
        let mut failures = self.failures();
        failures.push(now_s());
        // A limit that cannot be written must not become a loop.
        self.write(&failures).is_err() || failures.len() >= TRIES_MAX
    }

    /// A start worked, or a person orders one.
    pub(crate) fn forget_failures(&self) {
        if !self.failures().is_empty() && self.write(&[]).is_err() {
            // The list only delays later starts by a minute.
        }
    }

    fn failures(&self) -> Vec<u64> {
        let now = now_s();
        let mut text = String::new();
        let mut file = &self.0;
        if file
            .seek(SeekFrom::Start(0))
            .and_then(|_| file.take(4096).read_to_string(&mut text))
            .is_err()
        {
            return Vec::new();
        }
        let recent = |at: &u64| *at <= now && now - at < TRIES_WINDOW.as_secs();
        text.lines()
            .filter_map(|line| line.parse().ok())
            .filter(recent)
            .collect()
    }

    fn write(&self, failures: &[u64]) -> io::Result<()> {
        let text = failures
            .iter()
            .map(u64::to_string)
            .collect::<Vec<_>>()
            .join("\n");
        let mut file = &self.0;
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        file.write_all(text.as_bytes())
    }
}

/// Starts the daemon: this program, which leaves the client's session and
/// becomes the daemon, so that the child's number and exit are the daemon's.
pub(crate) fn launch(config: &Config) -> Result<Child, Fault> {
    let binary = trust::daemon_binary(&config.daemon_binary)?;
    let path = stderr_path(&config.place);
    let stderr = private(OpenOptions::new().write(true).create(true).truncate(true)).open(&path);
    let fault = |what: &Path, error: &io::Error| {
        Fault::new(
            Code::Unavailable,
            format!("cannot start the daemon: {}: {error}", what.display()),
        )
    };
    let stderr = stderr.map_err(|error| fault(&path, &error))?;
    Command::new(own_binary(&config.own_binary))
        .arg(DETACH)
        .arg(&binary)
        .args(&config.daemon_flags)
        .env_remove("REMOTE_SHELL_MCP_TOKEN")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(stderr)
        .spawn()
        .map_err(|error| fault(&config.own_binary, &error))
}

/// The child's part of [`launch`]: returns only when it failed.
pub(crate) fn detach(mut words: impl Iterator<Item = std::ffi::OsString>) -> String {
    let Some(binary) = words.next() else {
        return "no program to detach".into();
    };
    if let Err(error) = rustix::process::setsid() {
        return format!("cannot leave the session: {error}");
    }
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let error = Command::new(&binary).args(words).exec();
    format!("cannot run {}: {error}", binary.display())
}

/// How the child ended, if it did; it is taken out then.
pub(crate) fn ended(child: &mut Option<Child>) -> Option<ExitStatus> {
    let status = child.as_mut()?.try_wait().ok().flatten()?;
    *child = None;
    Some(status)
}

/// Whether it ended because another daemon runs: connect again.
pub(crate) fn another_runs(status: ExitStatus) -> bool {
    status.code() == Some(ANOTHER_RUNS)
}

/// What is said of a daemon that ended before its hello.
pub(crate) fn failed(place: &Place, status: ExitStatus) -> Fault {
    Fault::new(
        Code::Unavailable,
        format!(
            "the daemon could not start ({status}); its last words: {}",
            last_words(place)
        ),
    )
    .next("repair that, then `remote-shell-mcp daemon start`")
}

fn last_words(place: &Place) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = private(OpenOptions::new().read(true)).open(stderr_path(place))?;
        let from = file.metadata()?.len().saturating_sub(LAST_WORDS_MAX_BYTES);
        file.seek(SeekFrom::Start(from))?;
        let mut words = Vec::new();
        file.take(LAST_WORDS_MAX_BYTES).read_to_end(&mut words)?;
        Ok(words)
    };
    let words = read().unwrap_or_default();
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let words: String = String::from_utf8_lossy(&words)
        .trim()
        .chars()
        .map(plain)
        .collect();
    if words.is_empty() {
        "(none)".into()
    } else {
        words
    }
}

/// Where the started daemon's stderr goes.
fn stderr_path(place: &Place) -> PathBuf {
    place.config_folder().join("daemon.stderr")
}

/// Files of ours alone, not followed anywhere.
fn private(options: &mut OpenOptions) -> &OpenOptions {
    let flags = rustix::fs::OFlags::NOFOLLOW.bits();
    options.mode(0o600).custom_flags(flags.cast_signed())
}

/// The running program itself, also after its file was replaced by a newer.
fn own_binary(path: &Path) -> &Path {
    if cfg!(target_os = "linux") {
        Path::new("/proc/self/exe")
    } else {
        path
    }
}

fn now_s() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
