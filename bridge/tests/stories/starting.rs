//! The bridge starts the daemon. The daemon is this test program itself, run
//! again by a small script.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::fake::FakeDaemon;
use crate::world::{World, request};

/// A program that can be named as the daemon and runs those lines.
fn daemon_binary(world: &World, lines: &str) -> PathBuf {
    let folder = world.folder().join("bin");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o755)).unwrap();
    let path = folder.join("remote-shell-mcpd");
    let mut options = File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o755)
        .open(&path)
        .unwrap();
    write!(
        file,
        "#!/bin/sh\necho start >>{}\n{lines}\n",
        starts(world).display()
    )
    .unwrap();
    path
}

fn starts(world: &World) -> PathBuf {
    world.folder().join("starts")
}

fn count_starts(world: &World) -> usize {
    std::fs::read_to_string(starts(world))
        .unwrap_or_default()
        .lines()
        .count()
}

fn serving(world: &World) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let script = format!(
        "FAKE_FOLDER='{}' exec '{}' starting::acts_as_the_daemon --exact --ignored --nocapture",
        world.folder().display(),
        exe.display()
    );
    daemon_binary(world, &script)
}

/// Not a test: the body of the daemon that [`serving`] names. It ends with its
/// folder.
#[test]
#[ignore = "run by the bridge as its daemon"]
#[expect(
    clippy::disallowed_methods,
    reason = "how a program that is run again learns its part"
)]
fn acts_as_the_daemon() {
    let Some(folder) = std::env::var_os("FAKE_FOLDER").map(PathBuf::from) else {
        return;
    };
    let daemon = FakeDaemon::start(&folder, "spawned");
    watch(folder);
    loop {
        let conn = daemon.accept();
        std::thread::spawn(|| conn.echo());
    }
}

fn watch(folder: PathBuf) {
    std::thread::spawn(move || {
        while Path::new(&folder).exists() {
            std::thread::park_timeout(Duration::from_millis(100));
        }
        std::process::exit(0);
    });
}

#[test]
fn a_hundred_bridges_start_one_daemon_and_are_all_served() {
    let world = World::new();
    let binary = serving(&world);
    let args = ["--daemon-binary", binary.to_str().unwrap()];
    let started = Instant::now();
    let mut clients: Vec<_> = (0..100).map(|_| world.client(&args)).collect();
    for client in &mut clients {
        client.say(&request(1, "ping"));
    }
    for client in &clients {
        assert_eq!(client.json()["result"]["echo"], "ping");
    }
    assert!(
        started.elapsed() < Duration::from_secs(10),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(count_starts(&world), 1);
}

#[test]
fn a_daemon_that_cannot_start_speaks_its_last_words_and_is_tried_three_times() {
    let world = World::new();
    let binary = daemon_binary(&world, "echo 'bad flag: --nonsense' >&2; exit 78");
    let args = ["--daemon-binary", binary.to_str().unwrap()];
    for _ in 0..2 {
        let mut client = world.client(&args);
        for id in 1..3 {
            client.say(&request(id, "ping"));
            let said = client.json()["error"]["message"]
                .as_str()
                .unwrap()
                .to_owned();
            assert!(said.contains("bad flag: --nonsense"), "{said}");
        }
    }
    assert_eq!(count_starts(&world), 3);
}

#[test]
fn a_binary_that_others_could_have_written_is_not_started() {
    let world = World::new();
    let binary = serving(&world);
    let folder = binary.parent().unwrap();
    std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
    let mut client = world.client(&["--daemon-binary", binary.to_str().unwrap()]);
    client.say(&request(1, "ping"));
    assert!(
        client.json()["error"]["message"]
            .as_str()
            .unwrap()
            .contains("written by everybody")
    );
    assert_eq!(count_starts(&world), 0);
}

#[test]
fn a_daemon_start_by_a_person_ends_the_stop() {
    let world = World::new();
    let binary = serving(&world);
    let args = ["--daemon-binary", binary.to_str().unwrap()];
    assert!(world.run(&["daemon", "stop"]).status.success());
    assert!(world.folder().join("daemon.stopped").exists());
    let output = world.run(&[&args[..], &["daemon", "start"]].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(!world.folder().join("daemon.stopped").exists());
    let mut client = world.client(&args);
    client.say(&request(1, "ping"));
    assert_eq!(client.json()["id"], 1);
}

#[test]
fn a_daemon_that_was_started_is_replaced_when_it_is_killed_and_leaves_no_zombie() {
    let world = World::new();
    let binary = serving(&world);
    let mut client = world.client(&["--daemon-binary", binary.to_str().unwrap()]);
    client.say(&request(1, "initialize"));
    assert_eq!(client.json()["id"], 1);
    client.say(&request(2, "exit"));
    client.say(&request(3, "tools/list"));
    let mut answers = [client.json(), client.json()];
    answers.sort_by_key(|answer| answer["id"].as_u64());
    assert_eq!(answers[0]["error"]["data"]["code"], "outcome_unknown");
    assert_eq!(answers[1]["result"]["echo"], "tools/list");
    assert_eq!(count_starts(&world), 2);
    assert_eq!(children(client.child.id()), 1);
}

/// Processes whose parent that is, dead ones that nobody reaped included.
fn children(parent: u32) -> usize {
    let of_parent = |entry: std::fs::DirEntry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let after_name = stat.rsplit_once(") ")?.1.to_owned();
        let theirs = after_name.split(' ').nth(1)?.parse::<u32>().ok()?;
        (theirs == parent).then_some(())
    };
    let entries = std::fs::read_dir("/proc").unwrap();
    entries.filter_map(Result::ok).filter_map(of_parent).count()
}
