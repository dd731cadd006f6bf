//! Port forwards over networks and readers that are bad, and many of them.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tests::services::{connect, serve_with};
use tests::until::{SOON, until_true};
use tests::{Agent, Network, World};

/// Opens `id` on the session `web` to `port` of its loopback; gives its own port.
#[track_caller]
fn open(agent: &Agent, id: &str, port: u16) -> u16 {
    open_on(agent, "web", id, port)
}

#[track_caller]
fn open_on(agent: &Agent, session: &str, id: &str, port: u16) -> u16 {
    let call = json!({"session_id": session, "forward_id": id, "bind_port": 0,
        "remote_host": "127.0.0.1", "remote_port": port});
    let info = agent.call("ssh_forward_local", call).ok();
    u16::try_from(info["bind_port"].as_u64().expect("a port")).expect("a port")
}

fn listed(agent: &Agent) -> Vec<Value> {
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    rows.as_array().expect("rows").clone()
}

/// The median of so many `true`.
fn true_takes(agent: &Agent, rounds: usize) -> Duration {
    let mut lengths: Vec<Duration> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let call = json!({"session_id": "web", "command": "true"});
            assert_eq!(agent.call("ssh_exec", call).ok()["exit_code"], 0);
            start.elapsed()
        })
        .collect();
    lengths.sort_unstable();
    lengths[rounds / 2]
}

/// Bytes on the disk that no name leads to any more, of files of `pid`.
fn unnamed_bytes(pid: u32) -> u64 {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("proc");
    let unnamed = files.flatten().filter(|file| {
        let target = std::fs::read_link(file.path()).unwrap_or_default();
        target.to_string_lossy().ends_with("(deleted)")
    });
    unnamed
        .filter_map(|file| Some(std::fs::metadata(file.path()).ok()?.len()))
        .sum()
}

#[test]
fn a_download_that_nobody_reads_holds_nobody_up_and_comes_whole_or_is_cut() {
    let world = World::new();
    let agent = world.connected("web");
    let (daemon, quiet) = (world.daemon(), true_takes(&agent, 30));
    let before = daemon.rss_kib();
    // 200 MiB, and then without end.
    let size = 200 << 20;
    let bytes = move |stream: &mut TcpStream, count: usize| {
        let piece: Vec<u8> = (0..65_536_u32).map(|n| (n % 251) as u8).collect();
        (0..count / piece.len()).all(|_| stream.write_all(&piece).is_ok())
    };
    let whole = serve_with(move |mut stream| {
        bytes(&mut stream, size);
    });
    let endless = serve_with(move |mut stream| while bytes(&mut stream, 1 << 20) {});
    let mut stalled = connect(open(&agent, "whole", whole));
    until_true("it all came", Duration::from_mins(1), || {
        // The rest waits in memory and in the sockets.
        unnamed_bytes(daemon.pid()) > 180 << 20
    });
    let waits = true_takes(&agent, 30);
    println!(
        "true {quiet:?}, beside what waits {waits:?}; {before} KiB, then {}",
        daemon.rss_kib()
    );
    assert!(
        waits < quiet * 3 / 2 + Duration::from_millis(2),
        "{quiet:?} {waits:?}"
    );
    assert!(
        daemon.rss_kib() < before + 30_000,
        "{before} {}",
        daemon.rss_kib()
    );
    let mut all = Vec::new();
    stalled.read_to_end(&mut all).expect("an end");
    assert_eq!(all.len(), size / 65_536 * 65_536);
    let in_order = |piece: &[u8]| {
        piece
            .iter()
            .zip(0_u32..)
            .all(|(byte, n)| u32::from(*byte) == n % 251)
    };
    assert!(all.chunks(65_536).all(in_order), "bytes are out of order");
    drop(all);
    // What has no end is cut when as much waits as may, and only that.
    let stalled = connect(open(&agent, "endless", endless));
    let other = connect(open(&agent, "other", whole));
    until_true("it is cut", Duration::from_mins(2), || {
        let row = &listed(&agent)[0];
        row["last_error"]
            .as_str()
            .is_some_and(|why| why.contains("too slow"))
    });
    let most = daemon.rss_kib();
    println!("{most} KiB at most");
    assert!(most < before + 90_000, "{before} {most}");
    assert_eq!(listed(&agent)[0]["open"], 0);
    assert_eq!(true_takes(&agent, 3).as_secs(), 0);
    drop((stalled, other));
    until_true("the disk is free", SOON, || {
        unnamed_bytes(daemon.pid()) == 0
    });
}

#[test]
fn two_hundred_forwards_and_five_thousand_connections_live_on_one_daemon() {
    let files = getrlimit(Resource::Nofile).maximum;
    assert!(files.is_none_or(|files| files > 12_000), "too few files");
    let raised = Rlimit {
        current: files,
        maximum: files,
    };
    setrlimit(Resource::Nofile, raised).expect("more files");
    let world = World::new();
    let agent = world.agent();
    let sessions = ["a", "b", "c", "d"];
    for id in sessions {
        let call = json!({"id": id, "spec": world.spec()});
        agent.call("ssh_connect", call).ok();
    }
    let held = Arc::new(Mutex::new(Vec::new()));
    let holding = Arc::clone(&held);
    let port = tests::services::serve_in_turn(move |mut stream| {
        stream.write_all(b"x").expect("it takes it");
        holding.lock().expect("no panic").push(stream);
    });
    let (daemon, before) = (world.daemon(), world.daemon().rss_kib());
    let ports: Vec<u16> = (0..200)
        .map(|n| open_on(&agent, sessions[n % 4], &format!("f{n:03}"), port))
        .collect();
    let forwards = daemon.rss_kib();
    let start = Instant::now();
    let mut open: Vec<TcpStream> = Vec::new();
    for _ in 0..25 {
        let batch: Vec<_> = ports.iter().map(|port| connect(*port)).collect();
        for mut stream in batch {
            stream.read_exact(&mut [0]).expect("it is connected");
            open.push(stream);
        }
    }
    let took = start.elapsed();
    let most = daemon.rss_kib();
    println!(
        "{before} KiB, {forwards} KiB with 200 forwards, {most} KiB with 5000 connections \
         ({} KiB each), which took {took:?}",
        (most - forwards) / 5000
    );
    // All of them are more than one answer takes.
    let all_have = |count: u64| {
        sessions.iter().all(|id| {
            let call = json!({"session_id": id});
            let rows = agent.call("ssh_forwards_list", call).ok();
            let rows = rows.as_array().expect("rows").clone();
            rows.len() == 50 && rows.iter().all(|row| row["open"] == count)
        })
    };
    assert!(all_have(25));
    assert!(most < before + 200_000, "{before} {most}");
    let call = json!({"session_id": "a", "command": "true"});
    assert_eq!(agent.call("ssh_exec", call).ok()["exit_code"], 0);
    drop(open);
    held.lock().expect("no panic").clear();
    until_true("all are gone", Duration::from_secs(30), || all_have(0));
}

#[test]
fn connections_that_are_over_leave_nothing_behind_in_a_link_that_lives() {
    let world = World::new();
    let agent = world.connected("web");
    let service = serve_with(|mut stream| {
        stream.write_all(b"x").expect("it takes it");
    });
    let port = open(&agent, "f", service);
    let come_and_go = |count: usize| {
        for _ in 0..count {
            let mut all = Vec::new();
            let mut stream = connect(port);
            stream.read_to_end(&mut all).expect("an end");
            assert_eq!(all, b"x");
        }
    };
    // What any daemon needs for some hundreds at once comes first.
    come_and_go(1_000);
    let (daemon, before) = (world.daemon(), world.daemon().rss_kib());
    come_and_go(4_000);
    let after = daemon.rss_kib();
    println!("{before} KiB, after 4000 more {after} KiB");
    assert!(after < before + 4_000, "{before} {after}");
}

#[test]
fn a_link_that_says_nothing_keeps_no_connection_waiting() {
    let world = World::new();
    let agent = world.agent();
    let spec = world.spec_with(json!({"keepalive": "0s"}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    let port = open(&agent, "f", tests::services::echo());
    world.sshd.freeze();
    // The first is asked for at once, the second when the link has been silent for so
    // long that it is asked first.
    for _ in 0..2 {
        let broke = connect(port).read(&mut [0]).expect_err("nothing comes");
        assert_eq!(broke.kind(), ErrorKind::ConnectionReset);
        println!("{}", listed(&agent)[0]["last_error"]);
    }
    world.sshd.thaw();
}

#[test]
fn a_bad_network_is_slow_and_no_reason_to_give_up() {
    let world = World::with_sshd_at(&[], Some(Network::start()));
    let line = world.line(Duration::from_millis(100));
    let agent = world.agent();
    let spec = world.spec_with(json!({"addresses": [line.address()], "auto_reconnect": true}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    // The target is in the host's own network.
    let call = json!({"session_id": "web", "forward_id": "back", "bind_port": 0,
        "local_port": tests::services::echo()});
    let info = agent.call("ssh_forward_remote", call).ok();
    let port = info["bind_port"].as_u64().expect("a port");
    world.sshd.network().worsen();
    // 400 000 bytes each way through the host's port, by the host's own tools.
    let command = format!(
        "head -c 200000 /dev/zero >/tmp/z.$$; exec 3<>/dev/tcp/127.0.0.1/{port}; \
         cat /tmp/z.$$ >&3 & head -c 200000 <&3 | wc -c; rm -f /tmp/z.$$"
    );
    let call = json!({"session_id": "web", "command": format!("bash -c '{command}'"),
        "timeout_ms": 120_000});
    let result = agent.call("ssh_exec", call).ok();
    assert_eq!(result["stdout"], "200000\n", "{result}");
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(10) {
        let call = json!({"session_id": "web", "command": "true"});
        assert_eq!(agent.call("ssh_exec", call).ok()["exit_code"], 0);
    }
    let info = agent.call("ssh_info", json!({"id": "web"})).ok();
    assert_eq!(
        (&info["state"], &info["reconnects"]),
        (&json!("connected"), &json!(0))
    );
}

#[test]
fn a_host_that_comes_back_elsewhere_is_found_and_its_forwards_return() {
    let mut world = World::with_sshd_at(&[], Some(Network::start()));
    let hosts = world.home().join("hosts");
    let name_it = |world: &World| {
        let address = world.sshd.network().address();
        std::fs::write(&hosts, format!("127.0.0.1 localhost\n{address} box\n")).expect("hosts");
    };
    name_it(&world);
    let port = world.sshd.port();
    world.trust_lines(&format!("[box]:{port} {}\n", world.sshd.host_key()));
    let agent = Agent::start(world.bridge_with_hosts(&hosts), tests::Era::Handshake);
    let spec = world.spec_with(json!({"addresses": [format!("box:{port}")],
        "auto_reconnect": true, "keepalive": "1s"}));
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    let echo = tests::services::echo();
    let call = json!({"session_id": "web", "forward_id": "back", "bind_port": 0,
        "local_port": echo});
    agent.call("ssh_forward_remote", call).ok();
    // What the host itself has on loopback, in its own network: its sshd does not.
    let there = format!("{}:{port}", world.sshd.network().address());
    let host_port = json!({"session_id": "web", "forward_id": "here", "bind_port": 0,
        "remote_host": world.sshd.network().address().to_string(), "remote_port": port});
    let here = agent.call("ssh_forward_local", host_port).ok()["bind_port"].as_u64();
    let greeting = |port: u16| {
        let mut greeting = [0; 7];
        connect(port).read_exact(&mut greeting).map(|()| greeting)
    };
    let here = u16::try_from(here.expect("a port")).expect("a port");
    assert_eq!(&greeting(here).expect("sshd speaks"), b"SSH-2.0");
    let shell = json!({"session_id": "web", "shell_id": "sh"});
    agent.call("ssh_shell_open", shell).ok();
    world.sshd.move_elsewhere();
    name_it(&world);
    let state = || agent.call("ssh_info", json!({"id": "web"})).ok();
    until_true("it is found again", Duration::from_secs(40), || {
        let info = state();
        info["state"] == "connected" && info["reconnects"].as_u64() > Some(0)
    });
    let active = state()["active_address"].clone();
    println!("{there}, then {active}");
    until_true("its forwards return", SOON, || {
        listed(&agent).iter().all(|row| row["state"] == "listening")
    });
    let rows = listed(&agent);
    let back = rows[0]["bind_port"].as_u64().expect("a port");
    let words =
        format!("bash -c 'exec 3<>/dev/tcp/127.0.0.1/{back}; echo hello >&3; head -n 1 <&3'");
    let call = json!({"session_id": "web", "command": words});
    assert_eq!(agent.call("ssh_exec", call).ok()["stdout"], "hello\n");
    let shells = agent.call("ssh_shell_list", json!({})).ok();
    let why = shells[0]["lost_reason"].as_str().expect("words");
    assert!(!why.is_empty(), "{shells}");
}
