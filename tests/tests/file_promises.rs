//! What a caller may rely on with files: no edit is lost, rights stay, and an answer
//! says what was not done.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::folder::names;
use tests::until::{SOON, until_true};
use tests::{Agent, Key, Reply, SmallDisk, Sshd, World};

/// A client with the session `web`, the client's folder and the host's.
fn world() -> (World, Agent, PathBuf, PathBuf) {
    let world = World::new();
    let agent = world.connected("web");
    let (here, there) = (world.home().join("work"), world.remote(""));
    (world, agent, here, there)
}

fn ask(path: &Path, more: &Value) -> Value {
    let mut ask = json!({"session_id": "web", "path": path});
    for (name, value) in more.as_object().into_iter().flatten() {
        ask[name] = value.clone();
    }
    ask
}

fn copy(agent: &Agent, way: &str, local: &Path, remote: &Path, more: &Value) -> Reply {
    let mut call = json!({"session_id": "web", "local_path": local, "remote_path": remote});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    agent.call(&format!("ssh_{way}"), call)
}

fn fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.is_ok_and(|made| made.success()), "no fifo");
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file").mode() & 0o7777
}

#[test]
fn edits_of_one_file_at_once_are_all_in_it() {
    let (_world, agent, _here, there) = world();
    let path = there.join("app.conf");
    let lines: Vec<String> = (0..12).map(|n| format!("key-{n}=old\n")).collect();
    fs::write(&path, lines.concat()).expect("a file");
    std::os::unix::fs::symlink("app.conf", there.join("same")).expect("a link");
    let edits: Vec<_> = (0..12)
        .map(|n| {
            // By either of its names.
            let path = there.join(if n % 2 == 0 { "app.conf" } else { "same" });
            let more = json!({"old": format!("key-{n}=old"), "new": format!("key-{n}=new")});
            agent.begin("ssh_file_edit", ask(&path, &more))
        })
        .collect();
    for edit in edits {
        assert_eq!(edit.reply().ok()["atomic"], true);
    }
    let edited = fs::read_to_string(&path).expect("it");
    assert_eq!(edited, lines.concat().replace("old", "new"));
}

#[test]
fn a_file_that_somebody_else_changes_within_the_same_second_is_not_overwritten() {
    let (world, agent, _here, there) = world();
    let path = there.join("shared");
    let line = world.line(Duration::from_millis(100));
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    let connect = json!({"id": "far", "spec": spec});
    agent.call("ssh_connect", connect).ok();
    fs::write(&path, "one two").expect("a file");
    let mut more = ask(&path, &json!({"old": "two", "new": "2"}));
    more["session_id"] = json!("far");
    let edit = agent.begin("ssh_file_edit", more);
    until_true("it is being written", SOON, || {
        names(&there).iter().any(|name| name.contains(".rsmcp-"))
    });
    // As long as before, and as old as far as a second tells.
    let before = fs::metadata(&path).expect("it").modified().expect("a time");
    fs::write(&path, "ONE two").expect("a file");
    let file = fs::File::options().append(true).open(&path);
    file.expect("it").set_modified(before).expect("its time");
    let words = edit.reply().refused("busy");
    assert!(words.contains("changed by somebody else"), "{words}");
    assert_eq!(fs::read_to_string(&path).expect("it"), "ONE two");
    assert_eq!(names(&there), ["shared"]);
}

#[test]
fn set_group_id_bits_stay_where_the_user_may_set_them() {
    let Some(users) = Sshd::with_users() else {
        eprintln!("not as root: no users of its own");
        return;
    };
    let world = World::new();
    let sshd = Sshd::start(&world.home().join("host"), &[users]);
    let key = Key::new(&world.home().join("key"), "");
    sshd.authorize_user("alice", &key);
    world.trust_lines(&sshd.known_hosts_line());
    let agent = world.agent();
    let spec = json!({"user": "alice", "addresses": [sshd.address()],
        "auth": {"key_path": key.path}, "disable_ssh_config": true});
    let connect = json!({"id": "web", "spec": spec});
    agent.call("ssh_connect", connect).ok();
    let id = json!({"session_id": "web", "command": "id -u; id -g; d=$(mktemp -d); \
        for f in replaced in_place; do echo old >$d/$f; chmod 2755 $d/$f; done; echo $d"});
    let told = agent.call("ssh_exec", id).ok();
    let told: Vec<_> = told["stdout"].as_str().expect("it").lines().collect();
    let [uid, _gid, folder] = told[..] else {
        panic!("{told:?}")
    };
    assert_ne!(uid, "0");
    let folder = Path::new(folder);
    for (name, atomic) in [("replaced", true), ("in_place", false)] {
        let more = json!({"data": "new\n", "atomic": atomic});
        let written = agent
            .call("ssh_file_write", ask(&folder.join(name), &more))
            .ok();
        assert_eq!(written["atomic"], atomic);
        assert_eq!(mode(&folder.join(name)), 0o2755, "{name}");
        assert_eq!(fs::read_to_string(folder.join(name)).expect("it"), "new\n");
    }
    fs::remove_dir_all(folder).expect("gone");
}

#[test]
fn a_copy_says_what_failed_keeps_folders_rights_and_counts_no_byte_of_it() {
    let (_world, agent, here, there) = world();
    let tree = here.join("tree");
    fs::create_dir_all(tree.join("shared")).expect("folders");
    fs::set_permissions(tree.join("shared"), fs::Permissions::from_mode(0o775)).expect("its mode");
    for name in ["good", "pipe", "shared/good"] {
        fs::write(tree.join(name), "12345").expect("a file");
    }
    // Something else has the name of one, on either side.
    let (up, down) = (there.join("up"), here.join("down"));
    for folder in [&up, &down] {
        fs::create_dir(folder).expect("a folder");
        fifo(&folder.join("pipe"));
    }
    for (way, local, remote, into) in [
        ("upload", &tree, &up, &up),
        ("download", &down, &tree, &down),
    ] {
        let told = copy(&agent, way, local, remote, &json!({})).ok();
        assert_eq!(
            (&told["files"], &told["bytes"], &told["skipped"]),
            (&json!(2), &json!(10), &json!([])),
            "{way}: {told}"
        );
        let failed = told["failed"].as_array().expect("what failed");
        assert_eq!(failed.len(), 1, "{way}: {told}");
        let words = failed[0].as_str().expect("words");
        assert!(
            words.contains("pipe") && words.contains("no regular file"),
            "{words}"
        );
        let kind = fs::symlink_metadata(into.join("pipe"))
            .expect("it")
            .file_type();
        assert!(kind.is_fifo(), "{way}");
        assert_eq!(mode(&into.join("shared")), 0o775, "{way}");
        assert_eq!(names(into), ["good", "pipe", "shared"]);
    }
    let one = copy(
        &agent,
        "download",
        &down.join("pipe"),
        &tree.join("good"),
        &json!({}),
    );
    let words = one.refused("invalid_argument");
    assert!(words.contains("no regular file"), "{words}");
}

#[test]
fn a_copy_that_is_stopped_for_its_time_answers_what_there_was() {
    let (_world, agent, here, there) = world();
    let tree = here.join("tree");
    fs::create_dir(&tree).expect("a folder");
    fs::write(tree.join("a-small"), "12345").expect("a file");
    // More than any machine sends until then; it has no bytes here.
    let big = fs::File::create(tree.join("big")).expect("a file");
    big.set_len(8 << 30).expect("its length");
    let more = json!({"timeout_ms": 2_000, "on_timeout": "kill"});
    let told = copy(&agent, "upload", &tree, &there.join("up"), &more).ok();
    assert_eq!(
        (&told["timed_out"], &told["files"], &told["bytes"]),
        (&json!(true), &json!(1), &json!(5)),
        "{told}"
    );
    until_true("only what is whole stays", SOON, || {
        names(&there.join("up")) == ["a-small"]
    });
}

#[test]
fn a_daemon_that_stops_leaves_nothing_of_a_copy() {
    let (world, agent, here, there) = world();
    let big = here.join("big");
    fs::write(&big, vec![7; 80 << 20]).expect("a file");
    let line = world.line(Duration::from_millis(50));
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    let connect = json!({"id": "far", "spec": spec});
    agent.call("ssh_connect", connect).ok();
    let more = json!({"session_id": "far", "background": true});
    copy(&agent, "upload", &big, &there.join("big"), &more).ok();
    until_true("it is under way", SOON, || {
        names(&there).iter().any(|name| name.contains(".rsmcp-"))
    });
    world.daemon().terminate();
    until_true("nothing of it stays", SOON, || names(&there).is_empty());
}

#[test]
fn what_a_dead_link_left_of_a_copy_goes_with_the_next_file_call() {
    let (world, agent, here, there) = world();
    let tree = here.join("tree");
    fs::create_dir(&tree).expect("a folder");
    for n in 0..3 {
        let big = fs::File::create(tree.join(format!("big-{n}"))).expect("a file");
        big.set_len(4 << 30).expect("its length");
    }
    let up = there.join("up");
    let begun = copy(&agent, "upload", &tree, &up, &json!({"background": true})).ok();
    until_true("all three are under way", SOON, || {
        up.is_dir() && names(&up).len() == 3
    });
    world.sshd.drop_connections();
    let wait = json!({"job_id": begun["job_id"], "timeout_ms": 20_000});
    agent.call("job_wait", wait).refused("not_connected");
    agent.call("ssh_file_list", ask(&there, &json!({}))).ok();
    until_true("nothing of it stays", SOON, || names(&up).is_empty());
}

#[test]
fn what_was_half_written_in_place_is_said_so() {
    let (mut world, agent, here, _there) = world();
    let small = world.remote_disk("small");
    let (path, long) = (small.path.join("file"), "0123456789".repeat(600_000));
    fs::write(&path, "before").expect("a file");
    let more = json!({"data": long, "atomic": false});
    let words = agent
        .call("ssh_file_write", ask(&path, &more))
        .refused("remote");
    assert!(words.contains("half old and half new"), "{words}");
    assert!(words.contains("ssh_file_read"), "{words}");
    // The same in a folder: two names keep a file where it is.
    let tree = here.join("tree");
    fs::create_dir(&tree).expect("a folder");
    fs::write(tree.join("file"), &long).expect("a file");
    fs::hard_link(&path, small.path.join("other")).expect("a link");
    let told = copy(&agent, "upload", &tree, &small.path, &json!({})).ok();
    let failed = told["failed"].to_string();
    assert!(
        failed.contains("file") && failed.contains("half old"),
        "{told}"
    );
    assert_eq!((&told["files"], &told["bytes"]), (&json!(0), &json!(0)));
}

#[test]
fn what_a_full_disk_here_stops_is_no_success() {
    let (_world, agent, here, there) = world();
    let tree = there.join("tree");
    fs::create_dir(&tree).expect("a folder");
    for n in 0..40 {
        fs::write(tree.join(format!("file-{n}")), vec![7; 300_000]).expect("a file");
    }
    let small = SmallDisk::at(here.join("small"));
    let down = small.path.join("down");
    let words = copy(&agent, "download", &down, &tree, &json!({})).refused("unavailable");
    assert!(words.contains("No space left"), "{words}");
    until_true("only whole files stay", SOON, || {
        let mut left = names(&down).into_iter().map(|name| down.join(name));
        left.all(|path| fs::metadata(path).is_ok_and(|found| found.len() == 300_000))
    });
}

#[test]
fn as_much_is_read_as_is_asked_for_and_a_size_is_the_files() {
    let (_world, agent, _here, there) = world();
    let path = there.join("log");
    fs::write(&path, "0123456789\n".repeat(100_000)).expect("a file");
    let read = |more: Value| agent.call("ssh_file_read", ask(&path, &more)).ok();
    let part = read(json!({"length": 1_000_000}));
    assert_eq!(
        (&part["bytes"], &part["eof"], &part["size"]),
        (&json!(1_000_000), &json!(false), &json!(1_100_000))
    );
    fs::write(&path, "short\n").expect("rotated");
    let beyond = read(json!({"offset": 1_000_000}));
    assert_eq!(
        (&beyond["data"], &beyond["eof"], &beyond["size"]),
        (&json!(""), &json!(true), &json!(6)),
        "a follower sees that it was rotated"
    );
}

#[test]
fn a_file_call_is_not_sent_into_a_link_that_died_in_silence() {
    let world = World::new();
    let agent = world.agent();
    let spec = world.spec_with(json!({"keepalive": "1s"}));
    let connect = json!({"id": "web", "spec": spec});
    agent.call("ssh_connect", connect).ok();
    let path = world.remote("file");
    let write = |data: &str| ask(&path, &json!({"data": data}));
    agent.call("ssh_file_write", write("one")).ok();
    world.sshd.freeze();
    // Longer than a living server is silent, and less than until the link is given up.
    let frozen = Instant::now();
    until_true("it is silent", SOON, || {
        frozen.elapsed() > Duration::from_millis(2_300)
    });
    let pending = agent.begin("ssh_file_write", write("two"));
    until_true("the link is given up", SOON, || {
        let rows = agent.call("ssh_list", json!({})).ok();
        rows[0]["state"] != "connected"
    });
    world.sshd.thaw();
    pending.reply().ok();
    assert_eq!(fs::read_to_string(&path).expect("it"), "two");
}

#[test]
fn texts_are_the_known_ones_and_paths_absolute() {
    let (_world, agent, _here, there) = world();
    let new = there.join("new");
    let call = |tool: &str, more: Value| {
        let reply = agent.call(&format!("ssh_file_{tool}"), ask(&new, &more));
        reply.words()
    };
    let path = new.display();
    assert_eq!(call("mkdir", json!({})), format!("created {path}"));
    assert_eq!(
        call("mkdir", json!({"recursive": true})),
        format!("created {path} (it was there)")
    );
    assert_eq!(call("chmod", json!({"mode": "0750"})), "chmod ok");
    let rename = json!({"session_id": "web", "from": new, "to": there.join("other")});
    assert_eq!(agent.call("ssh_file_rename", rename).words(), "renamed");
    fs::create_dir(&new).expect("a folder");
    assert_eq!(call("delete", json!({})), format!("deleted {path}"));
    let gone = ask(Path::new("~/no-such-file"), &json!({}));
    let words = agent.call("ssh_file_stat", gone).refused("not_found");
    assert!(words.contains("/no-such-file: "), "{words}");
}
