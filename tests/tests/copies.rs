//! `ssh_upload` and `ssh_download`: files and folders whole, at their place, and
//! nothing anywhere else.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::folder::names;
use tests::until::{SOON, until_true};
use tests::{Agent, Reply, World};

/// A client with the session `web`, the client's folder and the host's.
fn world() -> (World, Agent, PathBuf, PathBuf) {
    let world = World::new();
    let agent = world.connected("web");
    let (here, there) = (world.home().join("work"), world.remote(""));
    (world, agent, here, there)
}

fn copy(agent: &Agent, way: &str, local: &Path, remote: &Path, more: Value) -> Reply {
    let mut call = json!({"session_id": "web", "local_path": local, "remote_path": remote});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    agent.call(&format!("ssh_{way}"), call)
}

/// Files of odd sizes, names and modes, folders in folders, and what is skipped.
fn tree(root: &Path) {
    fs::create_dir_all(root.join("a/b/empty")).expect("folders");
    for (name, size, mode) in [
        ("plain", 5, 0o644),
        ("none", 0, 0o600),
        ("a/script ä", 70_000, 0o755),
        ("a/b/exact", 256 << 10, 0o640),
        ("a/b/big", 3_000_001, 0o444),
        ("a/.hidden", 1, 0o4755),
    ] {
        let bytes: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
        let path = root.join(name);
        fs::write(&path, bytes).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its mode");
    }
    for n in 0..500 {
        fs::write(root.join(format!("a/b/small-{n}")), format!("file {n}")).expect("a file");
    }
    fs::set_permissions(root.join("a"), fs::Permissions::from_mode(0o711)).expect("its mode");
    symlink("/etc/passwd", root.join("link")).expect("a link");
    symlink("/etc", root.join("a/folder-link")).expect("a link");
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    fs::write(root.join(odd), "").expect("a file");
}

/// Every path below `root` with what it has: of folders `None`.
fn contents(root: &Path) -> Vec<(String, Option<Vec<u8>>, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").flatten() {
            let (path, kind) = (entry.path(), entry.file_type().expect("its kind"));
            let name = path
                .strip_prefix(root)
                .expect("below")
                .to_string_lossy()
                .into_owned();
            let mode = fs::symlink_metadata(&path).expect("it").mode() & 0o7777;
            if kind.is_dir() {
                found.push((name, None, mode));
                folders.push(path);
            } else {
                found.push((name, fs::read(&path).ok(), mode));
            }
        }
    }
    found.sort();
    found
}

/// What of [`tree`] is copied.
fn copied(root: &Path) -> Vec<(String, Option<Vec<u8>>, u32)> {
    let is_copied = |name: &str| !name.contains("link") && !name.contains('\u{fffd}');
    let all = contents(root)
        .into_iter()
        .filter(|(name, _, _)| is_copied(name));
    all.map(|(name, bytes, mode)| (name, bytes, mode & 0o777))
        .collect()
}

#[test]
fn a_folder_is_mirrored_both_ways_and_what_is_skipped_is_named() {
    let (_world, agent, here, there) = world();
    tree(&here.join("tree"));
    let up = copy(
        &agent,
        "upload",
        &here.join("tree"),
        &there.join("x/y/copy"),
        json!({}),
    )
    .ok();
    println!("{up}");
    assert_eq!(up["files"], 506);
    let expected = copied(&here.join("tree"));
    let bytes: usize = expected
        .iter()
        .filter_map(|(_, bytes, _)| Some(bytes.as_ref()?.len()))
        .sum();
    assert_eq!(up["bytes"], bytes);
    let skipped = up["skipped"].to_string();
    for (name, why) in [
        ("link", "symlink"),
        ("a/folder-link", "symlink"),
        ("odd", "UTF-8"),
    ] {
        assert!(skipped.contains(name) && skipped.contains(why), "{skipped}");
    }
    assert_eq!(up["skipped"].as_array().expect("names").len(), 3);
    assert!(
        contents(&there.join("x/y/copy")) == expected,
        "it is not the same"
    );
}

#[test]
fn a_folder_comes_back_as_it_went_and_takes_the_place_of_what_is_there() {
    let (_world, agent, here, there) = world();
    tree(&here.join("tree"));
    let (local, back, remote) = (
        here.join("tree"),
        here.join("deep/back"),
        there.join("copy"),
    );
    let up = copy(&agent, "upload", &local, &remote, json!({})).ok();
    let expected = copied(&local);
    // What is skipped is there too.
    symlink("/etc/passwd", remote.join("link")).expect("a link");
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff");
    fs::write(remote.join(odd), "").expect("a file");
    let down = copy(&agent, "download", &back, &remote, json!({})).ok();
    println!("{down}");
    assert_eq!(
        (&down["files"], &down["bytes"]),
        (&up["files"], &up["bytes"])
    );
    assert_eq!(down["skipped"].as_array().expect("names").len(), 2);
    let mut seen = contents(&back);
    for (_, _, mode) in &mut seen {
        *mode &= 0o777;
    }
    assert!(seen == expected, "it is not the same");
    // Over what is there: files change, what else is there stays.
    fs::write(local.join("plain"), "changed").expect("a file");
    fs::write(remote.join("own"), "theirs").expect("a file");
    let again = copy(&agent, "upload", &local, &remote, json!({})).ok();
    assert_eq!(again["files"], 506);
    let read = |path: PathBuf| fs::read_to_string(path).expect("it");
    assert_eq!(read(remote.join("plain")), "changed");
    assert_eq!(read(remote.join("own")), "theirs");
    copy(&agent, "download", &back, &remote, json!({})).ok();
    assert_eq!(read(back.join("plain")), "changed");
}

#[test]
fn one_file_goes_to_the_place_that_is_named() {
    let (_world, agent, here, there) = world();
    fs::write(here.join("file"), "the file").expect("a file");
    fs::set_permissions(here.join("file"), fs::Permissions::from_mode(0o750)).expect("its mode");
    let up = copy(
        &agent,
        "upload",
        Path::new("file"),
        &there.join("new/place"),
        json!({}),
    )
    .ok();
    assert_eq!((&up["files"], &up["bytes"]), (&json!(1), &json!(8)));
    assert_eq!(
        fs::read_to_string(there.join("new/place")).expect("it"),
        "the file"
    );
    assert_eq!(
        fs::metadata(there.join("new/place")).expect("it").mode() & 0o7777,
        0o750
    );
    let down = copy(
        &agent,
        "download",
        Path::new("got/it"),
        &there.join("new/place"),
        json!({}),
    )
    .ok();
    assert_eq!(
        down["local_path"],
        here.join("got/it").to_str().expect("a path")
    );
    assert_eq!(
        fs::read_to_string(here.join("got/it")).expect("it"),
        "the file"
    );
    // Folders are no place for a file, and what is not there is told.
    copy(&agent, "upload", Path::new("file"), &there, json!({})).refused("invalid_argument");
    copy(
        &agent,
        "download",
        &here,
        &there.join("new/place"),
        json!({}),
    )
    .refused("invalid_argument");
    copy(
        &agent,
        "upload",
        Path::new("none"),
        &there.join("x"),
        json!({}),
    )
    .refused("invalid_argument");
    copy(
        &agent,
        "download",
        Path::new("x"),
        &there.join("none"),
        json!({}),
    )
    .refused("not_found");
    assert!(!here.join("x").exists());
}

#[test]
fn keys_our_own_folders_and_what_a_person_denies_are_neither_read_nor_written() {
    let world = World::new();
    let denied = world.home().join("denied");
    fs::create_dir(&denied).expect("a folder");
    world.configure(&format!(
        "local_deny = [{:?}]\n",
        denied.display().to_string()
    ));
    let agent = world.connected("web");
    fs::write(denied.join("secret"), "x").expect("a file");
    symlink(&denied, world.home().join("work/way")).expect("a link");
    let there = world.remote("x");
    let data = world.place().data_folder().to_path_buf();
    for local in [
        world.home().join(".ssh/known_hosts"),
        world.home().join(".ssh"),
        denied.join("secret"),
        world.home().join("work/way/secret"),
        data.join("state.redb"),
    ] {
        copy(&agent, "upload", &local, &there, json!({})).refused("denied");
    }
    fs::write(&there, "evil").expect("a file");
    for local in [
        world.home().join(".ssh/authorized_keys"),
        world.home().join(".gnupg/x"),
        world.home().join("work/way/new"),
        data.join("audit.key"),
    ] {
        copy(&agent, "download", &local, &there, json!({})).refused("denied");
    }
    // In the middle of a folder they are left out.
    let up = copy(
        &agent,
        "upload",
        world.home(),
        &world.remote("home"),
        json!({"timeout_ms": 60_000}),
    )
    .ok();
    let skipped = up["skipped"].to_string();
    assert!(
        skipped.contains(".ssh") && skipped.contains("denied"),
        "{skipped}"
    );
    assert!(!world.remote("home/.ssh").exists() && !world.remote("home/denied").exists());
    let hostile = world.remote("hostile");
    fs::create_dir_all(hostile.join(".ssh")).expect("folders");
    fs::write(hostile.join(".ssh/authorized_keys"), "evil").expect("a file");
    let down = copy(&agent, "download", world.home(), &hostile, json!({})).ok();
    assert!(down["skipped"].to_string().contains(".ssh"), "{down}");
    assert!(!world.home().join(".ssh/authorized_keys").exists());
}

/// A client whose session `far` has a delay, and a file `big` of 40 MB here.
fn far() -> (World, Agent, Vec<u8>) {
    let (world, agent, here, _there) = world();
    let big: Vec<u8> = (0..40_000_000_u32).map(|n| (n % 251) as u8).collect();
    fs::write(here.join("big"), &big).expect("a file");
    let line = world.line(Duration::from_millis(20));
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    agent
        .call("ssh_connect", json!({"id": "far", "spec": spec}))
        .ok();
    (world, agent, big)
}

fn copy_far(agent: &Agent, way: &str, local: &Path, remote: &Path, more: Value) -> Value {
    let mut with = json!({"session_id": "far"});
    for (name, value) in more.as_object().into_iter().flatten() {
        with[name] = value.clone();
    }
    copy(agent, way, local, remote, with).ok()
}

#[test]
fn a_server_that_freezes_in_the_middle_of_an_upload_is_seen_and_leaves_no_half_file() {
    let world = World::new();
    let agent = world.agent();
    let spec = world.spec_with(json!({"keepalive": "1s"}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    let big = world.home().join("work/big");
    fs::write(&big, vec![7; 200 << 20]).expect("a file");
    let there = world.remote("");
    let more = json!({"background": true});
    let begun = copy(&agent, "upload", &big, &there.join("big"), more).ok();
    until_true("it is under way", SOON, || {
        names(&there).iter().any(|name| name.contains(".rsmcp-"))
    });
    world.sshd.freeze();
    let frozen = Instant::now();
    let wait = json!({"job_id": begun["job_id"], "timeout_ms": 20_000});
    agent.call("job_wait", wait).refused("not_connected");
    assert!(
        frozen.elapsed() < Duration::from_secs(8),
        "{:?}",
        frozen.elapsed()
    );
    assert!(!there.join("big").exists());
    world.sshd.thaw();
    let again = copy(&agent, "upload", &big, &there.join("big"), json!({})).ok();
    assert_eq!(again["bytes"], 200 << 20);
}

#[test]
fn a_server_that_names_what_lies_elsewhere_reaches_nothing_there() {
    let rogue = tests::programs::built("rogue-sftp");
    let world = World::with_sshd(&[&format!("Subsystem sftp {}", rogue.display())]);
    let agent = world.connected("web");
    let into = world.home().join("work/into");
    let down = copy(&agent, "download", &into, Path::new("/any"), json!({})).ok();
    println!("{down}");
    assert_eq!(names(&into), ["good"]);
    let good = into.join("good");
    assert_eq!(fs::read_to_string(&good).expect("it"), "from the rogue\n");
    // Set-user-id is not copied.
    assert_eq!(fs::metadata(&good).expect("it").mode() & 0o7777, 0o777);
    assert_eq!(names(&world.home().join("work")), ["into"]);
    assert!(!Path::new("/tmp/rogue-outside").exists());
    let skipped = down["skipped"].as_array().expect("names").len();
    assert_eq!(skipped, 6, "{down}");
    // A folder that never ends.
    let world = World::with_sshd(&[&format!("Subsystem sftp {} endless", rogue.display())]);
    let agent = world.connected("web");
    let before = world.daemon().rss_kib();
    let call = json!({"session_id": "web", "path": "/any"});
    let words = agent.call("ssh_file_list", call).refused("remote");
    assert!(words.contains("never ends"), "{words}");
    assert!(world.daemon().rss_kib() < before + 20_000);
}

#[test]
fn a_long_copy_is_a_job_and_one_that_is_stopped_leaves_nothing() {
    let (world, agent, big) = far();
    let (here, there) = (world.home().join("work"), world.remote(""));
    let (up, down) = (there.join("up"), here.join("down"));
    let begun = copy_far(
        &agent,
        "upload",
        &here.join("big"),
        &up,
        json!({"background": true}),
    );
    assert_eq!(begun["state"], "running");
    assert!(
        begun["progress"]
            .as_str()
            .is_some_and(|words| words.contains("bytes")),
        "{begun}"
    );
    let wait = json!({"job_id": begun["job_id"], "timeout_ms": 60_000});
    let result = agent.call("job_wait", wait).ok();
    assert_eq!(
        (&result["files"], &result["bytes"]),
        (&json!(1), &json!(big.len()))
    );
    assert!(fs::read(&up).expect("it") == big, "it is not the same");
    for (way, local, remote) in [
        ("upload", here.join("big"), there.join("stopped")),
        ("download", down, up),
    ] {
        let begun = copy_far(&agent, way, &local, &remote, json!({"background": true}));
        let row = agent
            .call("job_cancel", json!({"job_id": begun["job_id"]}))
            .ok();
        assert_eq!(row["state"], "cancelled", "{way}: {row}");
        let wait = json!({"job_id": begun["job_id"]});
        agent.call("job_wait", wait).refused("cancelled");
    }
    until_true("what was staged is gone", SOON, || {
        names(&there) == ["up"] && names(&here) == ["big"]
    });
}

#[test]
fn a_copy_that_is_cut_leaves_no_half_file_under_its_name() {
    let (world, agent, big) = far();
    let (here, there) = (world.home().join("work"), world.remote(""));
    let (up, down) = (there.join("up"), here.join("down"));
    fs::write(&up, &big).expect("a file");
    for (way, local, remote) in [
        ("upload", here.join("big"), there.join("cut")),
        ("download", down.clone(), up.clone()),
    ] {
        let begun = copy_far(&agent, way, &local, &remote, json!({"background": true}));
        until_true("it is under way", SOON, || {
            let mut all = names(&there);
            all.extend(names(&here));
            all.iter().any(|name| name.contains(".rsmcp-"))
        });
        world.sshd.drop_connections();
        let wait = json!({"job_id": begun["job_id"], "timeout_ms": 20_000});
        agent.call("job_wait", wait).refused("not_connected");
        assert!(!there.join("cut").exists() && !down.exists());
    }
    assert_eq!(names(&here), ["big"]);
    let result = copy_far(
        &agent,
        "download",
        &down,
        &up,
        json!({"timeout_ms": 60_000}),
    );
    assert_eq!(result["bytes"], big.len());
    assert!(fs::read(&down).expect("it") == big, "it is not the same");
}
