//! The spool as the daemon uses it: jobs begin, print, end, and are found by
//! the next run until their time is up.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use storage::spool::{
    Bounds, Card, CardEnd, Found, FoundStream, Limits, Spool, SpoolError, StreamName,
};

const NOW_MS: i64 = 1_700_000_000_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

fn open(home: &Path, now_ms: i64) -> (Spool, Vec<Found>) {
    let limits = Limits {
        bounds: Bounds {
            head: 8192,
            ring: 8192,
        },
        ..Limits::default()
    };
    Spool::open(&home.join("spool"), limits, now_ms).unwrap()
}

fn running(job_id: &str, started_at_ms: i64) -> Card {
    Card {
        job_id: job_id.into(),
        tool: "ssh_exec".into(),
        target: "web".into(),
        command: "make all".into(),
        raw: false,
        started_at_ms,
        seq: Some(7),
        end: None,
    }
}

fn ended(job_id: &str, started_at_ms: i64) -> Card {
    let end = CardEnd {
        state: "exited".into(),
        exit_code: Some(0),
        took_ms: 5,
        ..CardEnd::default()
    };
    Card {
        end: Some(end),
        ..running(job_id, started_at_ms)
    }
}

fn file(home: &Path, name: &str) -> PathBuf {
    home.join("spool").join(name)
}

fn ids(found: &[Found]) -> Vec<&str> {
    found.iter().map(|job| job.card.job_id.as_str()).collect()
}

#[test]
fn the_next_run_finds_every_job_with_its_output_the_newest_first() {
    let home = tempfile::tempdir().unwrap();
    let (spool, found) = open(home.path(), NOW_MS);
    assert!(found.is_empty());
    for (job, at) in [("job-1-1", 1), ("job-1-2", 3), ("job-1-3", 2)] {
        spool.begin(&running(job, NOW_MS + at)).unwrap();
    }
    let mut stdout = spool.create_stream("job-1-2", StreamName::Stdout).unwrap();
    stdout.append(&b"x".repeat(20_000)).unwrap();
    spool.write_card(&ended("job-1-2", NOW_MS + 3)).unwrap();

    let (spool, found) = open(home.path(), NOW_MS);
    assert_eq!(ids(&found), ["job-1-2", "job-1-3", "job-1-1"]);
    let whole = FoundStream::Whole {
        total: 20_000,
        lost: 20_000 - 2 * 8192,
    };
    assert_eq!(found[0].card, ended("job-1-2", NOW_MS + 3));
    assert_eq!((&found[0].stdout, &found[0].stderr), (&Some(whole), &None));
    assert_eq!((&found[1].card.end, &found[1].stdout), (&None, &None));
    let stdout = spool.open_stream("job-1-2", StreamName::Stdout).unwrap();
    assert_eq!(stdout.read(0, 5).unwrap().data, b"xxxxx");
    let none = spool.open_stream("job-1-2", StreamName::Stderr);
    assert!(none.unwrap_err().is_not_found());
}

#[test]
fn files_are_their_owners_alone_and_nothing_is_left_beside() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    spool.begin(&running("job-1-1", NOW_MS)).unwrap();
    spool.create_stream("job-1-1", StreamName::Stderr).unwrap();
    spool.write_card(&ended("job-1-1", NOW_MS)).unwrap();
    let mode = |name: &str| {
        let found = fs::metadata(file(home.path(), name)).unwrap();
        found.permissions().mode() & 0o777
    };
    for folder in ["", "job-1-1"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for name in ["job-1-1/card", "job-1-1/stderr"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    let entries = |name: &str| fs::read_dir(file(home.path(), name)).unwrap().count();
    assert_eq!((entries(""), entries("job-1-1")), (1, 2));
}

#[test]
fn a_secret_in_a_command_does_not_reach_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    let with_secret = |card: Card| Card {
        command: "mysql --password canary-one https://ann:canary-two@db".into(),
        ..card
    };
    let card_has = |needle: &str| {
        let text = fs::read_to_string(file(home.path(), "job-1-1/card")).unwrap();
        text.contains(needle)
    };
    spool.begin(&with_secret(running("job-1-1", 1))).unwrap();
    assert!(!card_has("canary") && card_has("mysql"));
    spool.write_card(&with_secret(ended("job-1-1", 1))).unwrap();
    assert!(!card_has("canary") && card_has("mysql"));
}

#[test]
fn what_is_no_jobs_id_is_refused_everywhere() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    fs::create_dir(home.path().join("other")).unwrap();
    for id in ["", "..", "../other", "/tmp", "Job", ".job-1-1.new"] {
        let card = running(id, 1);
        let refusals = [
            spool.begin(&card).unwrap_err(),
            spool.write_card(&card).unwrap_err(),
            spool.create_stream(id, StreamName::Stdout).unwrap_err(),
            spool.open_stream(id, StreamName::Stdout).unwrap_err(),
            spool.remove(id).unwrap_err(),
        ];
        for refused in refusals {
            assert!(
                matches!(refused, SpoolError::BadId { .. }),
                "{id}: {refused}"
            );
        }
    }
    assert!(home.path().join("other").is_dir());
}

#[test]
fn links_are_not_followed_and_what_they_lead_to_stays() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    let other = home.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("stdout"), "not ours").unwrap();
    symlink(&other, file(home.path(), "job-1-1")).unwrap();
    spool.begin(&ended("job-1-2", 1)).unwrap();
    symlink(other.join("stdout"), file(home.path(), "job-1-2/stdout")).unwrap();

    assert!(spool.begin(&running("job-1-1", 1)).is_err());
    assert!(spool.write_card(&running("job-1-1", 1)).is_err());
    assert!(spool.remove("job-1-1").is_err());
    for job in ["job-1-1", "job-1-2"] {
        assert!(spool.open_stream(job, StreamName::Stdout).is_err(), "{job}");
        assert!(
            spool.create_stream(job, StreamName::Stdout).is_err(),
            "{job}"
        );
    }
    spool.remove("job-1-2").unwrap();
    assert!(open(home.path(), NOW_MS).1.is_empty());
    let left = fs::read_to_string(other.join("stdout")).unwrap();
    assert_eq!(left, "not ours");

    symlink(&other, home.path().join("linked")).unwrap();
    let linked = Spool::open(&home.path().join("linked"), Limits::default(), NOW_MS);
    assert!(linked.is_err());
}

#[test]
fn a_job_begins_once_and_a_removed_one_is_gone() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    spool.begin(&running("job-1-1", 1)).unwrap();
    spool.create_stream("job-1-1", StreamName::Stdout).unwrap();
    let again = spool.begin(&running("job-1-1", 2)).unwrap_err();
    assert!(matches!(again, SpoolError::Exists { .. }), "{again}");
    let again = spool.create_stream("job-1-1", StreamName::Stdout);
    assert!(matches!(again.unwrap_err(), SpoolError::Exists { .. }));

    spool.remove("job-1-1").unwrap();
    spool.remove("job-1-1").unwrap();
    let late = spool.write_card(&ended("job-1-1", 1)).unwrap_err();
    assert!(late.is_not_found(), "an end does not bring it back: {late}");
    assert!(
        fs::read_dir(file(home.path(), ""))
            .unwrap()
            .next()
            .is_none()
    );
    assert_eq!(spool.disk_bytes(), 0);
}

#[test]
fn a_week_after_its_end_a_job_goes_but_never_while_it_runs() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    let long_ago = NOW_MS - 8 * DAY_MS;
    spool.begin(&ended("job-old", long_ago)).unwrap();
    spool.begin(&ended("job-young", NOW_MS)).unwrap();
    for job in ["job-runs", "job-dead"] {
        spool.begin(&running(job, long_ago)).unwrap();
        let card = fs::File::open(file(home.path(), job).join("card")).unwrap();
        let written = SystemTime::UNIX_EPOCH + Duration::from_millis(1);
        card.set_modified(written).unwrap();
        let folder = fs::File::open(file(home.path(), job)).unwrap();
        folder.set_modified(written).unwrap();
    }
    let (spool_again, found) = open(home.path(), NOW_MS);
    assert_eq!(ids(&found), ["job-young", "job-runs", "job-dead"]);
    let gone = spool_again.tidy(NOW_MS, |job| job == "job-runs").unwrap();
    assert_eq!(gone, ["job-dead"]);
    let gone = spool.tidy(NOW_MS + 8 * DAY_MS, |job| job == "job-runs");
    assert_eq!(gone.unwrap(), ["job-young"]);
}

#[test]
fn over_the_limit_of_bytes_the_longest_ended_go_first() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        bytes_max: 300_000,
        ..Limits::default()
    };
    let (spool, _) = Spool::open(&home.path().join("spool"), limits, NOW_MS).unwrap();
    for (job, at) in [("job-b", 2), ("job-a", 1), ("job-c", 3)] {
        spool.begin(&running(job, at)).unwrap();
        let mut stdout = spool.create_stream(job, StreamName::Stdout).unwrap();
        stdout.append(&b"x".repeat(130_000)).unwrap();
        spool.write_card(&ended(job, NOW_MS + at)).unwrap();
    }
    let counted = spool.disk_bytes();
    assert!(counted > 3 * 130_000, "{counted}");
    assert_eq!(spool.tidy(NOW_MS, |_| false).unwrap(), ["job-a"]);
    let left = spool.disk_bytes();
    assert!((260_000..300_000).contains(&left), "{left}");
}

#[test]
fn a_card_that_is_torn_is_skipped_and_goes_and_a_newer_programs_stays_a_week() {
    let home = tempfile::tempdir().unwrap();
    let (spool, _) = open(home.path(), NOW_MS);
    for job in ["job-torn", "job-newer", "job-none", "job-good"] {
        spool.begin(&ended(job, NOW_MS)).unwrap();
    }
    fs::write(file(home.path(), "job-torn/card"), "{\"version\":1,").unwrap();
    fs::write(file(home.path(), "job-newer/card"), "{\"version\":2}").unwrap();
    fs::remove_file(file(home.path(), "job-none/card")).unwrap();
    let gone = spool.tidy(NOW_MS, |job| job != "job-good").unwrap();
    assert!(gone.is_empty(), "somebody says that they run: {gone:?}");

    let (spool, found) = open(home.path(), NOW_MS);
    assert_eq!(ids(&found), ["job-good"]);
    let there = |job: &str| file(home.path(), job).exists();
    assert!(there("job-newer") && !there("job-torn") && !there("job-none"));
    let later_ms = i64::MAX;
    assert_eq!(spool.tidy(later_ms, |_| false).unwrap().len(), 2);
}

#[test]
fn what_a_kill_left_half_made_or_half_removed_is_cleared_at_the_next_start() {
    let home = tempfile::tempdir().unwrap();
    open(home.path(), NOW_MS);
    for half in [".job-1-1.new", ".job-1-2.gone"] {
        fs::create_dir(file(home.path(), half)).unwrap();
        fs::write(file(home.path(), half).join("stdout"), "x").unwrap();
    }
    fs::write(file(home.path(), "note.txt"), "a person's").unwrap();
    assert!(open(home.path(), NOW_MS).1.is_empty());
    let left = fs::read_dir(file(home.path(), "")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["note.txt"]);
}
