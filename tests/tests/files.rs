//! Files of a host: what is shown of them, and that what is written is whole or not
//! there at all.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};
use tests::folder::names;
use tests::until::{SOON, until_true};
use tests::{Agent, Reply, World};

/// A client with the session `web` in a world whose host's files are in `remote`.
fn world() -> (World, Agent) {
    let world = World::new();
    let agent = world.connected("web");
    (world, agent)
}

/// Calls a file tool on `path`.
fn call(agent: &Agent, tool: &str, path: &Path, more: Value) -> Reply {
    let mut call = json!({"session_id": "web", "path": path});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    agent.call(&format!("ssh_file_{tool}"), call)
}

#[track_caller]
fn write(agent: &Agent, path: &Path, data: &str, more: Value) -> Value {
    let mut with = json!({"data": data});
    for (name, value) in more.as_object().into_iter().flatten() {
        with[name] = value.clone();
    }
    let written = call(agent, "write", path, with).ok();
    assert_eq!(written["bytes_written"], data.len());
    written
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("the file")
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("the file").mode() & 0o7777
}

#[test]
fn a_folder_is_listed_with_odd_names_links_and_times() {
    let (world, agent) = world();
    let folder = world.remote("folder");
    fs::create_dir_all(folder.join("inner")).expect("folders");
    fs::write(folder.join("ä b"), "12345").expect("a file");
    fs::set_permissions(folder.join("ä b"), fs::Permissions::from_mode(0o640)).expect("its mode");
    let odd = std::ffi::OsStr::from_bytes(b"odd\xff\n");
    fs::write(folder.join(odd), "").expect("a file");
    symlink("nowhere", folder.join("link")).expect("a link");
    let rows = call(&agent, "list", &folder, json!({})).ok();
    let row = |name: &str| {
        let rows = rows.as_array().expect("rows");
        rows.iter()
            .find(|row| row["name"] == name)
            .unwrap_or_else(|| panic!("{name}: {rows:?}"))
            .clone()
    };
    assert_eq!(rows.as_array().expect("rows").len(), 4);
    let file = row("ä b");
    assert_eq!(
        (&file["size"], &file["mode"]),
        (&json!(5), &json!("-rw-r-----"))
    );
    assert!(
        file["mod_time"]
            .as_str()
            .is_some_and(|at| at.starts_with("20")),
        "{file}"
    );
    assert_eq!(row("inner")["is_dir"], true);
    assert_eq!(row("link")["target"], "nowhere");
    assert_eq!(row("odd\\xff\\u{a}")["size"], 0);
    let link = call(&agent, "stat", &folder.join("link"), json!({})).ok();
    assert_eq!(
        (&link["mode"], &link["target"]),
        (&json!("lrwxrwxrwx"), &json!("nowhere"))
    );
    call(&agent, "stat", &folder.join("none"), json!({})).refused("not_found");
    let words = call(&agent, "list", &folder.join("ä b"), json!({})).refused("invalid_argument");
    assert!(words.contains("no folder"), "{words}");
    for n in 0..3_000 {
        fs::write(folder.join(format!("inner/file-{n:04}")), "").expect("a file");
    }
    let reply = call(&agent, "list", &folder.join("inner"), json!({}));
    assert!(reply.words().contains("file-0000"), "{}", reply.words());
}

#[test]
fn text_is_read_in_parts_that_split_no_character_and_what_is_none_is_refused() {
    let (world, agent) = world();
    let path = world.remote("text");
    let lines: Vec<String> = (0..20_000).map(|n| format!("zeile {n} ä€😀\n")).collect();
    let whole = lines.concat();
    fs::write(&path, &whole).expect("a file");
    let (mut seen, mut offset) = (String::new(), 0);
    loop {
        let part = call(&agent, "read", &path, json!({"offset": offset})).ok();
        seen.push_str(part["data"].as_str().expect("text"));
        offset = part["next_offset"].as_u64().expect("an offset");
        assert_eq!(part["size"], whole.len());
        if part["eof"] == true {
            break;
        }
        assert!(part["bytes"].as_u64() > Some(20_000), "{part}");
    }
    assert!(seen == whole, "the parts are not the whole");
    let part = call(&agent, "read", &path, json!({"offset": 0, "length": 9})).ok();
    assert_eq!(
        (&part["data"], &part["next_offset"]),
        (&json!("zeile 0 "), &json!(8))
    );
    let beyond = call(&agent, "read", &path, json!({"offset": 99_999_999})).ok();
    assert_eq!(
        (&beyond["data"], &beyond["eof"]),
        (&json!(""), &json!(true))
    );
    fs::write(&path, b"text\xff\0").expect("a file");
    let words = call(&agent, "read", &path, json!({})).refused("invalid_argument");
    assert!(
        words.contains("byte 4") && words.contains("ssh_download"),
        "{words}"
    );
    // A file whose size says nothing, and a folder.
    let proc = call(&agent, "read", Path::new("/proc/self/status"), json!({})).ok();
    assert!(
        proc["data"]
            .as_str()
            .is_some_and(|data| data.contains("VmRSS")),
        "{proc}"
    );
    assert_eq!(proc["eof"], true);
    call(&agent, "read", &world.remote("."), json!({})).refused("invalid_argument");
    call(&agent, "read", &world.remote("none"), json!({})).refused("not_found");
}

#[test]
fn a_file_is_written_whole_and_keeps_owner_mode_and_links() {
    let (world, agent) = world();
    let folder = world.remote("w");
    fs::create_dir(&folder).expect("a folder");
    let path = folder.join("new");
    let long = "line\n".repeat(300_000);
    assert_eq!(write(&agent, &path, &long, json!({}))["atomic"], true);
    assert!(text(&path) == long, "it is not what was written");
    assert_eq!(
        write(&agent, &folder.join("mode"), "x", json!({"mode": "0750"}))["atomic"],
        true
    );
    assert_eq!(mode(&folder.join("mode")), 0o750);
    // Another's, of its own mode.
    chown(&path, Some(60_001), Some(60_002)).expect("its owner");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).expect("its mode");
    let before = fs::metadata(&path).expect("it").ino();
    assert_eq!(write(&agent, &path, "short", json!({}))["atomic"], true);
    let after = fs::metadata(&path).expect("it");
    assert_eq!(
        (after.uid(), after.gid(), mode(&path)),
        (60_001, 60_002, 0o604)
    );
    assert_ne!(after.ino(), before);
    assert_eq!(text(&path), "short");
    // Through a link, which stays one.
    symlink("new", folder.join("link")).expect("a link");
    write(&agent, &folder.join("link"), "by link", json!({}));
    assert_eq!(text(&path), "by link");
    assert!(
        fs::symlink_metadata(folder.join("link"))
            .expect("it")
            .is_symlink()
    );
    // A second name: both have it.
    fs::hard_link(&path, folder.join("other")).expect("a name");
    assert_eq!(write(&agent, &path, "both", json!({}))["atomic"], false);
    assert_eq!(text(&folder.join("other")), "both");
}

#[test]
fn a_file_is_written_in_place_and_at_its_end_and_what_is_no_file_is_refused() {
    let (world, agent) = world();
    let folder = world.remote("w");
    fs::create_dir(&folder).expect("a folder");
    write(&agent, &folder.join("mode"), "x", json!({"mode": "0750"}));
    // In place, and at the end.
    let inode = fs::metadata(folder.join("mode")).expect("it").ino();
    assert_eq!(
        write(
            &agent,
            &folder.join("mode"),
            "in place",
            json!({"atomic": false})
        )["atomic"],
        false
    );
    write(
        &agent,
        &folder.join("mode"),
        ", and on",
        json!({"append": true}),
    );
    assert_eq!(text(&folder.join("mode")), "in place, and on");
    assert_eq!(fs::metadata(folder.join("mode")).expect("it").ino(), inode);
    write(
        &agent,
        &folder.join("fresh"),
        "appended",
        json!({"append": true}),
    );
    assert_eq!(text(&folder.join("fresh")), "appended");
    // What cannot be.
    call(&agent, "write", &folder, json!({"data": "x"})).refused("invalid_argument");
    let words = call(
        &agent,
        "write",
        &folder.join("no/file"),
        json!({"data": "x"}),
    )
    .refused("invalid_argument");
    assert!(words.contains("ssh_file_mkdir"), "{words}");
    let fifo = folder.join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .is_ok_and(|made| made.success())
    );
    call(&agent, "write", &fifo, json!({"data": "x"})).refused("invalid_argument");
    call(&agent, "read", &fifo, json!({})).refused("invalid_argument");
    let more = json!({"data": "x", "append": true});
    call(&agent, "write", &fifo, more).refused("invalid_argument");
    // A link that leads nowhere stays one, and leads somewhere.
    symlink("target", folder.join("dangling")).expect("a link");
    write(&agent, &folder.join("dangling"), "made", json!({}));
    assert_eq!(text(&folder.join("target")), "made");
    fs::remove_file(folder.join("dangling")).expect("a link");
    fs::remove_file(folder.join("target")).expect("a file");
    assert_eq!(names(&folder), ["fifo", "fresh", "mode"]);
    // The login folder.
    let home = json!({"session_id": "web", "path": "~"});
    let listed = agent.call("ssh_file_list", home).ok();
    assert!(listed.is_array(), "{listed}");
}

#[test]
fn a_full_disk_and_a_link_that_dies_leave_what_was_there() {
    let (mut world, agent) = world();
    let small = world.remote_disk("small");
    let (path, long) = (small.path.join("file"), "0123456789".repeat(600_000));
    write(&agent, &path, "before", json!({}));
    for atomic in [true, false] {
        call(
            &agent,
            "write",
            &path,
            json!({"data": long, "atomic": atomic}),
        )
        .refused("remote");
        if atomic {
            assert_eq!(text(&path), "before");
        }
        assert_eq!(names(&small.path), ["file"]);
    }
    call(
        &agent,
        "write",
        &small.path.join("new"),
        json!({"data": long}),
    )
    .refused("remote");
    assert_eq!(names(&small.path), ["file"]);
    // Killed in the middle.
    let folder = world.remote("cut");
    fs::create_dir(&folder).expect("a folder");
    let (old, new) = (folder.join("old"), folder.join("new"));
    fs::write(&old, "before").expect("a file");
    let line = world.line(Duration::from_millis(20));
    let spec = world.spec_with(json!({"addresses": [line.address()]}));
    agent
        .call("ssh_connect", json!({"id": "far", "spec": spec}))
        .ok();
    for path in [&old, &new] {
        let ask = json!({"session_id": "far", "path": path, "data": long});
        let pending = agent.begin("ssh_file_write", ask);
        until_true("it is under way", SOON, || {
            names(&folder).iter().any(|name| name.contains(".rsmcp-"))
        });
        world.sshd.drop_connections();
        let code = pending.reply().code();
        assert_eq!(code, "outcome_unknown");
        assert_eq!(text(&old), "before");
        // What is left there goes with the next file call.
        let look = json!({"session_id": "far", "path": old});
        agent.call("ssh_file_stat", look).ok();
        until_true("only what is whole stays", SOON, || {
            names(&folder) == ["old"]
        });
    }
    // The next call has a new link.
    world.sshd.kill();
    world.sshd.up();
    write(&agent, &old, "after", json!({}));
    assert_eq!(text(&old), "after");
}

#[test]
fn exact_text_is_replaced_once_or_everywhere_and_the_diff_is_told() {
    let (world, agent) = world();
    let path = world.remote("conf");
    fs::write(&path, "port 22\nhost a\nhost b\n").expect("a file");
    let edit = |old: &str, new: &str, more: Value| {
        let mut with = json!({"old": old, "new": new});
        for (name, value) in more.as_object().into_iter().flatten() {
            with[name] = value.clone();
        }
        call(&agent, "edit", &path, with)
    };
    let done = edit("port 22", "port 2222", json!({})).ok();
    assert_eq!(done["replacements"], 1);
    let diff = done["diff"].as_str().expect("a diff");
    assert!(diff.contains("-port 22\n+port 2222\n"), "{diff}");
    let words = edit("host", "name", json!({})).refused("invalid_argument");
    assert!(
        words.contains("2 times") && words.contains("lines 2, 3"),
        "{words}"
    );
    edit("nothing", "x", json!({})).refused("not_found");
    let known = done["sha256"].as_str().expect("a sum").to_owned();
    let all = edit("host", "name", json!({"all": true, "expect_sha256": known})).ok();
    assert_eq!(all["replacements"], 2);
    assert_eq!(text(&path), "port 2222\nname a\nname b\n");
    let words = edit("name a", "x", json!({"expect_sha256": known})).refused("already_exists");
    assert!(words.contains("sha256"), "{words}");
    edit("", "x", json!({})).refused("invalid_argument");
    fs::write(&path, b"\xff\xfe").expect("a file");
    edit("a", "b", json!({})).refused("invalid_argument");
}

#[test]
fn folders_modes_and_names_are_changed_and_nothing_is_replaced_unasked() {
    let (world, agent) = world();
    let folder = world.remote("a");
    let deep = folder.join("b/c");
    call(&agent, "mkdir", &deep, json!({})).refused("not_found");
    call(&agent, "mkdir", &deep, json!({"recursive": true})).words();
    assert!(deep.is_dir());
    let again = call(&agent, "mkdir", &deep, json!({"recursive": true})).words();
    assert!(again.ends_with("(it was there)"), "{again}");
    call(&agent, "mkdir", &deep, json!({})).refused("already_exists");
    let words = call(&agent, "delete", &folder, json!({})).refused("invalid_argument");
    assert!(words.contains("not empty"), "{words}");
    call(&agent, "delete", &deep, json!({})).words();
    let (one, two) = (folder.join("one"), folder.join("two"));
    fs::write(&one, "1").expect("a file");
    fs::write(&two, "2").expect("a file");
    call(&agent, "chmod", &one, json!({"mode": "4711"})).words();
    assert_eq!(mode(&one), 0o4711);
    let rename = |more: Value| {
        let mut with = json!({"session_id": "web", "from": one, "to": two});
        for (name, value) in more.as_object().into_iter().flatten() {
            with[name] = value.clone();
        }
        agent.call("ssh_file_rename", with)
    };
    rename(json!({})).refused("already_exists");
    assert_eq!(text(&two), "2");
    rename(json!({"overwrite": true})).words();
    assert_eq!((text(&two).as_str(), one.exists()), ("1", false));
    rename(json!({"to": folder.join("three")})).refused("not_found");
    call(&agent, "delete", &two, json!({})).words();
    call(&agent, "delete", &two, json!({})).refused("not_found");
    symlink("/etc/passwd", folder.join("link")).expect("a link");
    call(&agent, "delete", &folder.join("link"), json!({})).words();
    assert!(Path::new("/etc/passwd").exists());
}

#[test]
fn servers_without_sftp_and_with_little_room_are_told_apart() {
    for (line, expected) in [
        ("Subsystem other internal-sftp", "refused the subsystem"),
        ("Subsystem sftp /bin/echo hello there", "hello there"),
        ("Subsystem sftp /bin/true", "ended before it began"),
    ] {
        let world = World::with_sshd(&[line]);
        let agent = world.connected("web");
        let words = call(&agent, "list", Path::new("/"), json!({})).refused("remote");
        assert!(words.contains(expected), "{line}: {words}");
        let run = json!({"session_id": "web", "command": "echo up"});
        assert_eq!(agent.call("ssh_exec", run).ok()["stdout"], "up\n");
    }
    let world = World::with_sshd(&["MaxSessions 1"]);
    let agent = world.connected("web");
    for n in 0..3 {
        let path = world.remote(&format!("file-{n}"));
        write(&agent, &path, "x", json!({}));
        let run = json!({"session_id": "web", "command": format!("cat {}", path.display())});
        assert_eq!(agent.call("ssh_exec", run).ok()["stdout"], "x");
    }
}
