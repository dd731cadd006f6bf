//! FAULTS 8: a process that is killed while it changes the schema. Each test
//! starts this test program again, as the one that dies.
#![expect(
    clippy::disallowed_methods,
    reason = "the process that dies is told how by its environment"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use redb::{ReadableDatabase as _, TableDefinition, WriteTransaction};

use super::open::{StateOptions, open};
use crate::backup::Backups;
use crate::database::Cause;
use crate::migrate::{CHAIN, Migration};

/// Set in the process that dies: the home, and the step at which.
const HOME: &str = "STORAGE_TEST_HOME";
const DIES_AT: &str = "STORAGE_TEST_DIES_AT";

const STEPS: TableDefinition<u32, &str> = TableDefinition::new("steps of a later program");

type Step = fn(&WriteTransaction) -> Result<(), Cause>;

/// Versions 3 to 5: each leaves its row, and is where the process may die.
fn longer_chain() -> Vec<Migration> {
    let step = |migration: &Migration| Migration {
        to: migration.to,
        apply: migration.apply,
    };
    let mut chain: Vec<Migration> = CHAIN.iter().map(step).collect();
    let later: [Step; 3] = [
        |write| later_step(write, 3),
        |write| later_step(write, 4),
        |write| later_step(write, 5),
    ];
    for apply in later {
        let to = crate::migrate::newest(&chain) + 1;
        chain.push(Migration { to, apply });
    }
    chain
}

fn later_step(write: &WriteTransaction, to: u32) -> Result<(), Cause> {
    write.open_table(STEPS)?.insert(to, "done")?;
    if std::env::var(DIES_AT).is_ok_and(|at| at == to.to_string()) {
        let own = rustix::process::getpid();
        rustix::process::kill_process(own, rustix::process::Signal::KILL)?;
        std::thread::sleep(Duration::from_mins(1));
    }
    Ok(())
}

fn options(home: &Path) -> StateOptions {
    StateOptions {
        path: home.join("state.redb"),
        backups_folder: home.join("backups"),
        go_state: None,
        program_version: "9.9.9".into(),
        now_ms: 9,
    }
}

/// A home with the committed fixture of version 1.
fn home_of_version_1() -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let fixture = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1/state.redb");
    let path = home.path().join("state.redb");
    std::fs::copy(fixture, &path).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).unwrap();
    home
}

/// This program again, opening the state of `home`.
fn opener(home: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "state::kill_tests::opens_the_home_that_it_is_given",
        ])
        .env(HOME, home)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[test]
fn opens_the_home_that_it_is_given() {
    if let Some(home) = std::env::var_os(HOME) {
        open(&options(Path::new(&home)), &longer_chain()).unwrap();
    }
}

/// Whatever happened: nothing is lost, and the next start ends up new.
fn next_start_has_everything(home: &Path) {
    let before = {
        let fresh = home_of_version_1();
        open(&options(fresh.path()), CHAIN).unwrap().1.picture
    };
    assert!(!before.sessions.is_empty());
    let (database, opened) = open(&options(home), &longer_chain()).unwrap();
    assert_eq!(opened.picture, before);
    let read = database.begin_read().unwrap();
    let steps = read.open_table(STEPS).unwrap();
    for step in 3..=5 {
        assert!(steps.get(step).unwrap().is_some(), "step {step}");
    }
    let backups = Backups::new(home.join("backups"));
    let backup = backups.newest_good(1).unwrap();
    let old = home_of_version_1();
    std::fs::copy(backup, old.path().join("state.redb")).unwrap();
    let (_, restored) = open(&options(old.path()), CHAIN).unwrap();
    assert_eq!(restored.picture, before, "the backup is the old state");
}

#[test]
fn killed_within_each_step() {
    for step in 3..=5 {
        let home = home_of_version_1();
        let ended = opener(home.path()).env(DIES_AT, step.to_string()).status();
        let signal = std::os::unix::process::ExitStatusExt::signal(&ended.unwrap());
        assert_eq!(signal, Some(9), "it was to die within step {step}");
        let (database, opened) = open(&options(home.path()), CHAIN).unwrap();
        assert_eq!(opened.migrated_from, Some(1), "no step was kept");
        assert!(!opened.created && !opened.picture.sessions.is_empty());
        drop(database);
        next_start_has_everything(home.path());
    }
}

/// Killed after so many milliseconds: the backup, the opening, the steps and
/// the commit together take some 30.
#[test]
fn killed_at_any_moment() {
    for delay_ms in (0..45).step_by(3) {
        let home = home_of_version_1();
        let mut child = opener(home.path()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        next_start_has_everything(home.path());
    }
}
