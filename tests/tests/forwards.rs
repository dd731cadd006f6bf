//! Port forwards: real services through them, their ends, their limits, and how they
//! outlive links and daemons.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::services::{Service, connect, echo, free_port, serve_with};
use tests::until::{SOON, until_true};
use tests::{Agent, World, programs};

fn of(more: Value) -> Value {
    let mut call = json!({"session_id": "web", "forward_id": "f", "bind_port": 0});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    call
}

/// Opens a forward and gives what it says.
#[track_caller]
fn open(agent: &Agent, kind: &str, more: Value) -> Value {
    let info = agent.call(&format!("ssh_forward_{kind}"), of(more)).ok();
    println!("{info}");
    info
}

fn port_of(info: &Value) -> u16 {
    let port = info["bind_port"].as_u64().expect("a port");
    u16::try_from(port).expect("a port")
}

/// A forward to `port` of the host's loopback, and where it listens.
#[track_caller]
fn to(agent: &Agent, port: u16) -> u16 {
    let target = json!({"remote_host": "127.0.0.1", "remote_port": port});
    port_of(&open(agent, "local", target))
}

fn listed(agent: &Agent) -> Value {
    let call = json!({"session_id": "web"});
    agent.call("ssh_forwards_list", call).ok()[0].clone()
}

fn connected(world: &World, more: Value) -> Agent {
    let agent = world.agent();
    let spec = world.spec_with(more);
    let call = json!({"id": "web", "spec": spec});
    agent.call("ssh_connect", call).ok();
    agent
}

fn said(command: &mut Command) -> String {
    let output = command.output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// All that comes, up to its end.
fn rest(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("an end");
    all
}

/// What one sends and has back.
fn echoed(port: u16, words: &[u8]) -> Vec<u8> {
    let mut stream = connect(port);
    stream.write_all(words).expect("it takes it");
    stream.shutdown(Shutdown::Write).expect("it is open");
    rest(&mut stream)
}

#[test]
fn real_services_answer_through_a_local_forward_and_a_socks_proxy() {
    let world = World::new();
    let agent = world.connected("web");
    let redis = Service::redis(world.home());
    let ask = |port: u16, words: &[&str]| {
        let mut cli = programs::command("redis-cli");
        said(cli.args(["-p", &port.to_string()]).args(words))
    };
    let port = to(&agent, redis.port());
    let long = "x".repeat(100_000);
    assert_eq!(ask(port, &["SET", "key", &long]), "OK\n");
    assert_eq!(ask(port, &["GET", "key"]), long.clone() + "\n");
    let socket = world.home().join("redis.sock");
    let info = open(
        &agent,
        "local",
        json!({"forward_id": "socket", "remote_socket": socket}),
    );
    assert_eq!(ask(port_of(&info), &["GET", "key"]), long + "\n");
    assert_eq!(info["remote_addr"], socket.to_str().expect("a path"));

    std::fs::write(world.home().join("work/page"), "the page\n").expect("a file");
    let http = Service::http(&world.home().join("work"));
    let proxy = port_of(&open(&agent, "dynamic", json!({"forward_id": "socks"})));
    let curl = |proxy: String, host: &str| {
        let url = format!("http://{host}:{}/page", http.port());
        let mut curl = programs::command("curl");
        said(curl.args(["-sS", "--noproxy", "", "--proxy", &proxy, &url]))
    };
    for (scheme, host) in [("socks5h", "localhost"), ("socks5", "127.0.0.1")] {
        let proxy = format!("{scheme}://127.0.0.1:{proxy}");
        assert_eq!(curl(proxy, host), "the page\n");
    }
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    let ids: Vec<&str> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].as_str().expect("an id"))
        .collect();
    assert_eq!(ids, ["f", "socket", "socks"]);
    assert_eq!(rows[0]["connections"], 2);
    assert!(rows[0]["bytes_out"].as_u64() > Some(100_000), "{rows}");
    assert!(rows[0]["bytes_in"].as_u64() > Some(100_000), "{rows}");
    let info = agent.call("ssh_info", json!({"id": "web"})).ok();
    assert_eq!(info["forwards"], json!(["f", "socket", "socks"]));
}

#[test]
fn a_remote_forward_leads_here_and_the_server_chooses_its_port() {
    let world = World::new();
    let agent = world.connected("web");
    let info = open(&agent, "remote", json!({"local_port": echo()}));
    let port = port_of(&info);
    assert_ne!(port, 0);
    assert_eq!(info["state"], "listening");
    // The host is this machine.
    let words = b"from the host ".repeat(100_000);
    assert!(echoed(port, &words) == words, "bytes are missing");
    let seen = listed(&agent);
    assert_eq!(seen["connections"], 1);
    assert_eq!(seen["bytes_out"], words.len());
    assert_eq!(seen["bytes_in"], words.len());
    // A target that is not there: the host's client is turned away.
    let nobody = free_port();
    let info = open(
        &agent,
        "remote",
        json!({"forward_id": "dead", "local_port": nobody}),
    );
    assert_eq!(rest(&mut connect(port_of(&info))), b"");
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    let why = rows[0]["last_error"].as_str().expect("words");
    assert!(why.contains(&nobody.to_string()), "{rows}");
    // Cancelled, it is free on the host again.
    let call = json!({"session_id": "web", "forward_id": "f"});
    agent.call("ssh_forward_cancel", call).words();
    until_true("it is free", SOON, || {
        TcpListener::bind(("127.0.0.1", port)).is_ok()
    });
    let again = open(
        &agent,
        "remote",
        json!({"bind_port": port, "local_port": echo()}),
    );
    assert_eq!(port_of(&again), port);
}

#[test]
fn each_direction_has_its_own_end_and_a_broken_one_is_told_as_broken() {
    let world = World::new();
    let agent = world.connected("web");
    // It answers once it has all, and ends its direction before it has read all.
    let counter = serve_with(|mut stream| {
        let count = rest(&mut stream).len();
        stream
            .write_all(count.to_string().as_bytes())
            .expect("it takes it");
    });
    let port = to(&agent, counter);
    let mut stream = connect(port);
    stream.write_all(&vec![7; 3_000_000]).expect("it takes it");
    stream.shutdown(Shutdown::Write).expect("it is open");
    assert_eq!(rest(&mut stream), b"3000000");
    until_true("it is over", SOON, || listed(&agent)["open"] == 0);
    // The target's end comes first, and what is sent after it still arrives.
    let (sender, receiver) = std::sync::mpsc::channel();
    let early = serve_with(move |mut stream| {
        stream.write_all(b"early").expect("it takes it");
        stream.shutdown(Shutdown::Write).expect("it is open");
        sender.send(rest(&mut stream)).expect("it is waited for");
    });
    let port = port_of(&open(
        &agent,
        "local",
        json!({"forward_id": "early", "remote_host": "localhost", "remote_port": early}),
    ));
    let mut stream = connect(port);
    assert_eq!(rest(&mut stream), b"early");
    stream.write_all(b"late").expect("it takes it");
    drop(stream);
    assert_eq!(receiver.recv_timeout(SOON).expect("it came"), b"late");
    // Half a gigabyte and a link that dies: no clean end.
    let endless = serve_with(|mut stream| while stream.write_all(&[1; 8192]).is_ok() {});
    let port = port_of(&open(
        &agent,
        "local",
        json!({"forward_id": "endless", "remote_host": "127.0.0.1", "remote_port": endless}),
    ));
    let mut stream = connect(port);
    stream
        .read_exact(&mut vec![0; 1_000_000])
        .expect("it comes");
    world.sshd.drop_connections();
    let broke = stream.read_to_end(&mut Vec::new()).expect_err("it broke");
    assert_eq!(broke.kind(), ErrorKind::ConnectionReset);
    // Nobody there at all.
    let nobody = free_port();
    let port = port_of(&open(
        &agent,
        "local",
        json!({"forward_id": "dead", "remote_host": "127.0.0.1", "remote_port": nobody}),
    ));
    let broke = connect(port).read(&mut [0; 1]).expect_err("it broke");
    assert_eq!(broke.kind(), ErrorKind::ConnectionReset);
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    let why = rows[0]["last_error"].as_str().expect("words");
    assert!(why.contains("could not connect"), "{rows}");
}

#[test]
fn a_listener_stays_while_its_session_reconnects_and_who_comes_meanwhile_waits() {
    let mut world = World::new();
    let agent = connected(&world, json!({"auto_reconnect": true}));
    let port = to(&agent, echo());
    let there = port_of(&open(
        &agent,
        "remote",
        json!({"forward_id": "back", "local_port": echo()}),
    ));
    assert_eq!(echoed(port, b"before"), b"before");
    world.sshd.kill();
    until_true("it is seen", SOON, || listed(&agent)["state"] == "waiting");
    let waiting = std::thread::spawn(move || echoed(port, b"meanwhile"));
    until_true("it has come", SOON, || {
        let rows = agent.call("ssh_forwards_list", json!({})).ok();
        rows[1]["open"] == 1
    });
    assert!(!waiting.is_finished(), "it did not wait");
    world.sshd.up();
    assert_eq!(waiting.join().expect("it went on"), b"meanwhile");
    // The host listens again, on the port that it had chosen or on another.
    until_true("the host listens", SOON, || {
        let rows = agent.call("ssh_forwards_list", json!({})).ok();
        let row = &rows[0];
        row["state"] == "listening" && echoed(port_of(row), b"again") == b"again"
    });
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    println!("{there}: {rows}");
    // Without auto_reconnect the connection itself has the session dialled.
    let second = world.connected("other");
    let mut call = of(json!({"remote_host": "127.0.0.1", "remote_port": echo()}));
    call["session_id"] = json!("other");
    let port = port_of(&second.call("ssh_forward_local", call).ok());
    world.sshd.drop_connections();
    assert_eq!(echoed(port, b"dialled"), b"dialled");
}

#[test]
fn a_reconnect_resets_what_is_open_and_the_hosts_port_is_free_for_the_next_link() {
    let world = World::new();
    let agent = world.connected("web");
    let port = to(&agent, echo());
    let back = free_port();
    let more = json!({"forward_id": "back", "bind_port": back, "local_port": echo()});
    open(&agent, "remote", more);
    // An idle connection, which nobody closes.
    let mut idle = connect(port);
    idle.write_all(b"x").expect("it takes it");
    idle.read_exact(&mut [0]).expect("an echo");
    agent.call("ssh_reconnect", json!({"id": "web"})).ok();
    let broke = idle.read(&mut [0]).expect_err("it broke");
    assert_eq!(broke.kind(), ErrorKind::ConnectionReset);
    until_true("the host listens again", SOON, || {
        listed(&agent)["state"] == "listening"
    });
    assert_eq!(listed(&agent)["bind_port"], back);
    assert_eq!(echoed(back, b"again"), b"again");
    assert_eq!(echoed(port, b"again"), b"again");
}

#[test]
fn forwards_of_a_persistent_session_come_back_and_a_taken_port_is_told_and_tried() {
    let world = World::new();
    let agent = connected(&world, json!({"persistent": true}));
    let target = echo();
    let port = free_port();
    let call = json!({"bind_port": port, "remote_host": "127.0.0.1", "remote_port": target});
    open(&agent, "local", call.clone());
    open(&agent, "dynamic", json!({"forward_id": "socks"}));
    let back = free_port();
    open(
        &agent,
        "remote",
        json!({"forward_id": "back", "bind_port": back, "local_port": target}),
    );
    // An equal one is the same, another is refused.
    let again = open(&agent, "local", call);
    assert_eq!(port_of(&again), port);
    let other = json!({"remote_host": "127.0.0.1", "remote_port": 1});
    let fault = agent
        .call("ssh_forward_local", of(other))
        .refused("already_exists");
    assert!(fault.contains("another forward"), "{fault}");
    world.daemon().kill();
    drop(agent);
    let taken = TcpListener::bind(("127.0.0.1", port)).expect("the port is free now");
    let agent = world.agent();
    let row = |id: &str| {
        let rows = agent.call("ssh_forwards_list", json!({})).ok();
        let rows = rows.as_array().expect("rows").clone();
        rows.into_iter()
            .find(|row| row["id"] == id)
            .expect("the forward")
    };
    until_true("it is told", SOON, || row("f")["state"] == "degraded");
    let why = row("f")["last_error"].as_str().expect("words").to_owned();
    let own = std::process::id().to_string();
    assert!(
        why.contains(&own) && why.contains(&port.to_string()),
        "{why}"
    );
    assert_eq!(row("f")["bind_port"], 0);
    drop(taken);
    until_true("it listens", SOON, || row("f")["state"] == "listening");
    assert_eq!(echoed(port, b"back"), b"back");
    until_true("the host listens", SOON, || {
        row("back")["state"] == "listening"
    });
    assert_eq!(echoed(back, b"back"), b"back");
    assert_eq!(row("socks")["state"], "listening");
    // Cancelled, it stays away.
    let call = json!({"session_id": "web", "forward_id": "f"});
    agent.call("ssh_forward_cancel", call).words();
    drop(TcpListener::bind(("127.0.0.1", port)).expect("its port is free at once"));
    world.daemon().kill();
    drop(agent);
    let agent = world.agent();
    let rows = agent.call("ssh_forwards_list", json!({})).ok();
    let ids: Vec<_> = rows
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| &row["id"])
        .collect();
    assert_eq!(ids, ["back", "socks"]);
    // And with their session all are gone.
    let words = agent.call("ssh_disconnect", json!({"id": "web"})).words();
    assert!(
        words.contains("forwards that ended with it: back, socks"),
        "{words}"
    );
    assert_eq!(agent.call("ssh_forwards_list", json!({})).ok(), json!([]));
}

#[test]
fn what_cannot_listen_is_refused_and_leaves_nothing() {
    let world = World::new();
    let agent = world.connected("web");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("its address").port();
    let target = |bind: u16| json!({"bind_port": bind, "remote_host": "h", "remote_port": 1});
    let fault = agent
        .call("ssh_forward_local", of(target(port)))
        .refused("unavailable");
    let own = std::process::id().to_string();
    assert!(
        fault.contains(&own) && fault.contains("bind_port"),
        "{fault}"
    );
    let remote = of(json!({"bind_port": port, "local_port": 1}));
    let fault = agent.call("ssh_forward_remote", remote).refused("remote");
    assert!(fault.contains("refused to listen"), "{fault}");
    let mut elsewhere = of(target(0));
    elsewhere["bind_addr"] = json!("192.0.2.7");
    let fault = agent
        .call("ssh_forward_local", elsewhere)
        .refused("unavailable");
    assert!(fault.contains("192.0.2.7"), "{fault}");
    for odd in [
        json!({"remote_host": "h"}),
        json!({"remote_host": "h", "remote_port": 0}),
        json!({"remote_host": "h", "remote_port": 1, "remote_socket": "/s"}),
        json!({"remote_socket": "s"}),
        json!({"remote_host": "a b", "remote_port": 1}),
    ] {
        agent
            .call("ssh_forward_local", of(odd))
            .refused("invalid_argument");
    }
    assert_eq!(agent.call("ssh_forwards_list", json!({})).ok(), json!([]));
    let call = json!({"session_id": "web", "forward_id": "f"});
    agent.call("ssh_forward_cancel", call).refused("not_found");
}

#[test]
fn a_forward_listens_on_loopback_unless_told_and_then_says_so() {
    let world = World::new();
    let agent = world.connected("web");
    let port = to(&agent, echo());
    let info = open(
        &agent,
        "dynamic",
        json!({"forward_id": "all", "bind_addr": "*"}),
    );
    assert!(
        info["note"]
            .as_str()
            .is_some_and(|note| note.contains("on *:")),
        "{info}"
    );
    assert!(listed(&agent).get("note").is_some());
    let listening = |port: u16| {
        let table = std::fs::read_to_string("/proc/net/tcp").expect("proc");
        let wanted = format!(":{port:04X}");
        let lines = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1));
        let mut found = lines.filter_map(|local| Some(local.strip_suffix(&wanted)?.to_owned()));
        found.next().expect("it listens")
    };
    assert_eq!(listening(port), "0100007F");
    assert_eq!(listening(port_of(&info)), "00000000");
    let rows = agent
        .call("history", json!({"tool": "ssh_forward_dynamic"}))
        .ok();
    assert!(rows.to_string().contains('*'), "{rows}");
}

#[test]
fn what_is_no_socks_is_answered_or_ended_and_slow_clients_are_not_waited_for() {
    let world = World::new();
    let agent = world.connected("web");
    let port = port_of(&open(&agent, "dynamic", json!({})));
    let talk = |words: &[u8]| {
        let mut stream = connect(port);
        stream.write_all(words).expect("it takes it");
        let mut answer = Vec::new();
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
        }
        answer
    };
    // SOCKS4, HTTP, no method that we have, another command, an odd address type.
    assert_eq!(talk(&[4, 1, 0, 80, 127, 0, 0, 1, 0])[..2], [0, 0x5b]);
    assert_eq!(talk(b"GET / HTTP/1.1\r\n\r\n"), b"");
    assert_eq!(talk(&[5, 1, 2])[..], [5, 0xff]);
    assert_eq!(
        talk(&[5, 1, 0, 5, 2, 0, 1, 127, 0, 0, 1, 0, 80])[..4],
        [5, 0, 5, 7]
    );
    assert_eq!(talk(&[5, 1, 0, 5, 1, 0, 9, 1, 2])[..4], [5, 0, 5, 8]);
    // A target that is not there.
    let nobody = free_port().to_be_bytes();
    let asks = [&[5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1], &nobody[..]].concat();
    assert_eq!(talk(&asks)[..4], [5, 0, 5, 4]);
    let mut byte = 7_u8;
    for _ in 0..200 {
        let mut stream = connect(port);
        let garbage: Vec<u8> = (0..90)
            .map(|_| {
                byte = byte.wrapping_mul(31).wrapping_add(11);
                byte
            })
            .collect();
        drop(stream.write_all(&garbage));
    }
    // One byte, and nothing more.
    let mut slow = connect(port);
    slow.write_all(&[5]).expect("it takes it");
    let start = Instant::now();
    drop(slow.read(&mut [0; 1]));
    let waited = start.elapsed();
    assert!(
        waited < Duration::from_secs(15) && waited > Duration::from_secs(5),
        "{waited:?}"
    );
    until_true("all are gone", SOON, || listed(&agent)["open"] == 0);
}
