//! Persistent shells: state that lives, output that is read by position or as a
//! screen, ends that are told.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::until::{SOON, until, until_true};
use tests::{Agent, World};

fn world() -> (World, Agent) {
    let world = World::with_a_host_home();
    let agent = world.connected("web");
    (world, agent)
}

fn of(more: Value) -> Value {
    let mut call = json!({"session_id": "web", "shell_id": "sh"});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    call
}

fn open(agent: &Agent, more: Value) -> Value {
    agent.call("ssh_shell_open", of(more)).ok()
}

fn write(agent: &Agent, data: &str) {
    agent
        .call("ssh_shell_write", of(json!({"data": data})))
        .ok();
}

fn read(agent: &Agent, more: Value) -> Value {
    agent.call("ssh_shell_read", of(more)).ok()
}

fn data(read: &Value) -> String {
    read["data"].as_str().expect("data").to_owned()
}

/// Reads the screen until `shown` is on it.
#[track_caller]
fn screen(agent: &Agent, shown: &str) -> String {
    let call = json!({"view": "screen", "until": shown, "timeout_ms": 10_000});
    let seen = data(&read(agent, call));
    assert!(regex(shown, &seen), "{shown} is not on\n{seen}");
    seen
}

/// The patterns of these stories are texts, some at the screen's end.
fn regex(pattern: &str, screen: &str) -> bool {
    match pattern.strip_suffix('$') {
        Some(end) => screen.contains(&format!("{end}[cursor: ")),
        None => screen.contains(pattern),
    }
}

#[test]
fn a_shell_keeps_its_state_across_a_bridge_restart() {
    let (world, agent) = world();
    open(&agent, json!({}));
    write(&agent, "cd /usr/bin && secret_state=kept\n");
    drop(agent);
    let agent = world.agent();
    write(&agent, "echo $secret_state in $PWD\n");
    let seen = read(
        &agent,
        json!({"until": "kept in /usr/bin", "timeout_ms": 10_000}),
    );
    assert!(data(&seen).contains("kept in /usr/bin"), "{seen}");
    let listed = agent.call("ssh_shell_list", json!({})).ok();
    assert_eq!(listed[0]["id"], "sh");
    assert_eq!(listed[0]["closed"], false);
    let info = agent.call("ssh_info", json!({"id": "web"})).ok();
    assert_eq!(info["shells"], json!(["sh"]));
}

#[test]
fn reads_go_on_where_the_last_ended_and_one_with_a_cursor_is_repeatable() {
    let (_world, agent) = world();
    open(&agent, json!({"command": "cat"}));
    write(&agent, "one\n");
    let first = read(
        &agent,
        json!({"until": "one\\r?\\n.*one", "timeout_ms": 10_000}),
    );
    let until = json!({"until": "one\\none", "timeout_ms": 10_000, "cursor": 0});
    for _ in 0..2 {
        assert_eq!(data(&read(&agent, until.clone())), "one\none\n");
    }
    assert!(first["cursor"].as_u64().unwrap() > 0);
    write(&agent, "two\n");
    let rest = read(&agent, json!({"until": "two\\ntwo", "timeout_ms": 10_000}));
    assert!(data(&rest).ends_with("two\ntwo\n"), "{rest}");
    let nothing = read(&agent, json!({"timeout_ms": 0}));
    assert_eq!(
        (data(&nothing).as_str(), &nothing["eof"]),
        ("", &json!(false))
    );
}

#[test]
fn raw_output_is_what_came_and_text_is_harmless() {
    let (_world, agent) = world();
    let print = r"printf '\033]52;c;aGk=\007\033[31mred\033[0m\033]0;t\007 ü\n'; sleep 600";
    open(&agent, json!({"command": print}));
    let text = read(
        &agent,
        json!({"until": "red", "timeout_ms": 10_000, "cursor": 0}),
    );
    assert_eq!(data(&text), "red ü\n");
    let raw = read(&agent, json!({"cursor": 0, "view": "raw"}));
    assert!(
        data(&raw).contains("\u{1b}]52;c;aGk=\u{7}\u{1b}[31mred"),
        "{raw}"
    );
}

#[test]
fn no_read_splits_a_character_or_a_sequence() {
    let (_world, agent) = world();
    let print = r"i=0; while [ $i -lt 400 ]; do printf '\033[1mäöü🦀\033[0m\n'; i=$((i+1)); done; sleep 600";
    open(&agent, json!({"command": print}));
    read(
        &agent,
        json!({"quiet_ms": 300, "timeout_ms": 10_000, "cursor": 0, "max_bytes": 9}),
    );
    let (mut all, mut cursor) = (String::new(), 0);
    for _ in 0..2_000 {
        let part = read(
            &agent,
            json!({"cursor": cursor, "max_bytes": 37, "timeout_ms": 0}),
        );
        if part["cursor"] == cursor {
            break;
        }
        cursor = part["cursor"].as_u64().unwrap();
        all.push_str(&data(&part));
    }
    assert_eq!(all, "äöü🦀\n".repeat(400));
}

#[test]
fn an_ended_shell_stays_readable_with_its_exit_code_and_its_id_is_free() {
    let (_world, agent) = world();
    open(&agent, json!({"command": "echo last words; exit 7"}));
    let seen = until("it ended", SOON, || {
        let seen = read(&agent, json!({"cursor": 0}));
        (seen["eof"] == true).then_some(seen)
    });
    assert_eq!(
        (data(&seen).as_str(), &seen["exit_code"]),
        ("last words\n", &json!(7))
    );
    let call = of(json!({"data": "x"}));
    let refused = agent.call("ssh_shell_write", call).refused("not_connected");
    assert!(refused.contains("exit code 7"), "{refused}");
    open(&agent, json!({"command": "cat"}));
    agent
        .call("ssh_shell_open", of(json!({})))
        .refused("already_exists");
    let text = agent.call("ssh_shell_close", of(json!({}))).text();
    assert_eq!(text, "closed sh");
    let listed = agent.call("ssh_shell_list", json!({})).ok();
    assert_eq!(listed[0]["closed"], true);
    agent.call("ssh_shell_close", of(json!({}))).text();
    let gone = agent
        .call("ssh_shell_read", of(json!({})))
        .refused("not_found");
    assert!(gone.contains("it has none"), "{gone}");
}

#[test]
fn a_shell_whose_link_broke_says_why() {
    let (world, agent) = world();
    open(&agent, json!({"command": "echo here; sleep 600"}));
    read(
        &agent,
        json!({"until": "here", "timeout_ms": 10_000, "cursor": 0}),
    );
    world.sshd.drop_connections();
    let seen = until("it is lost", SOON, || {
        let seen = read(&agent, json!({"cursor": 0}));
        (seen["eof"] == true).then_some(seen)
    });
    assert!(
        data(&seen).starts_with("here\n\n[the shell was lost: "),
        "{seen}"
    );
    let listed = agent.call("ssh_shell_list", json!({})).ok();
    assert!(
        listed[0]["lost_reason"]
            .as_str()
            .unwrap()
            .contains("durable"),
        "{listed}"
    );
}

#[test]
fn disconnecting_names_the_shells_that_end() {
    let (_world, agent) = world();
    open(&agent, json!({"command": "sleep 600"}));
    let said = agent.call("ssh_disconnect", json!({"id": "web"})).text();
    assert_eq!(said, "disconnected web; shells that ended with it: sh");
}

#[test]
fn vim_is_driven_by_what_its_screen_says() {
    let (world, agent) = world();
    let file = world.remote("note.txt");
    open(&agent, json!({"command": format!("vi {}", file.display())}));
    screen(&agent, "note.txt\"");
    // It asks the terminal what it is, and reads the answers as keys that come
    // too late.
    read(
        &agent,
        json!({"quiet_ms": 300, "timeout_ms": 10_000, "view": "screen"}),
    );
    write(&agent, "ihello from the model");
    screen(&agent, "hello from the model");
    write(&agent, "\u{1b}:wq\n");
    // The file is there, empty, before vim has written into it.
    until_true("it is saved", SOON, || {
        std::fs::read_to_string(&file).is_ok_and(|text| text == "hello from the model\n")
    });
    until_true("vim has ended", SOON, || {
        read(&agent, json!({"cursor": 0}))["eof"] == true
    });
}

#[test]
fn less_and_top_are_read_as_screens() {
    let (world, agent) = world();
    let file = world.remote("long.txt");
    let lines: Vec<String> = (1..=300).map(|n| format!("line {n}\n")).collect();
    let text = lines.concat();
    std::fs::write(&file, text).unwrap();
    let shell = "env PS1='ready> ' bash --norc -i";
    open(&agent, json!({"rows": 10, "cols": 40, "command": shell}));
    write(&agent, &format!("less {}\n", file.display()));
    let first = screen(&agent, "line 9\n");
    assert!(
        first.contains("line 1\n") && first.contains("full-screen program"),
        "{first}"
    );
    write(&agent, "G");
    screen(&agent, "END");
    write(&agent, "g");
    screen(&agent, "line 1\n");
    write(&agent, "/line 42\n");
    screen(&agent, "line 42\nline 43");
    write(&agent, "q");
    screen(&agent, "ready>\n$");
    agent
        .call("ssh_shell_resize", of(json!({"rows": 20, "cols": 100})))
        .text();
    write(&agent, "top -d 60\n");
    let top = screen(&agent, "PID USER");
    assert!(top.lines().count() > 12, "{top}");
    write(&agent, "q");
    screen(&agent, "ready>\n$");
    write(&agent, "stty size\n");
    screen(&agent, "20 100");
}

#[test]
fn what_parallel_callers_type_is_not_mixed() {
    let (world, agent) = world();
    let log = world.remote("typed");
    let command = format!("stty -echo -icanon; cat > {}", log.display());
    open(&agent, json!({"command": command}));
    until_true("it reads", SOON, || log.exists());
    let texts: Vec<String> = (0..20)
        .map(|n| format!("<{}>", char::from(b'a' + n).to_string().repeat(20_000)))
        .collect();
    let pending: Vec<_> = texts
        .iter()
        .map(|text| agent.begin("ssh_shell_write", of(json!({"data": text}))))
        .collect();
    for one in pending {
        one.reply().ok();
    }
    let total: usize = texts.iter().map(String::len).sum();
    let typed = until("all is there", SOON, || {
        let typed = std::fs::read_to_string(&log).unwrap();
        (typed.len() == total).then_some(typed)
    });
    for text in texts {
        assert!(typed.contains(&text), "{} was mixed", &text[..2]);
    }
}

#[test]
fn a_shell_that_prints_256_mib_costs_a_bounded_buffer_and_tells_what_fell_out() {
    let (world, agent) = world();
    // A terminal that edits no output takes it in a tenth of the time.
    let flood = "stty raw; yes | head -c 268435456; echo the end; sleep 600";
    open(&agent, json!({"command": flood}));
    let before = world.daemon().rss_kib();
    let (mut most, whole) = (before, (1 << 28) + 8);
    let start = Instant::now();
    until_true("it is through", Duration::from_mins(5), || {
        most = most.max(world.daemon().rss_kib());
        cursor(&agent) >= whole
    });
    println!(
        "{:?}, {before} KiB before, {most} KiB at most",
        start.elapsed()
    );
    assert!(most < before + 20_000, "{before} {most}");
    let seen = read(&agent, json!({"cursor": whole - 8, "timeout_ms": 0}));
    assert_eq!(data(&seen), "the end\n");
    let first = read(&agent, json!({"cursor": 0, "max_bytes": 10}));
    assert!(
        first["lost_bytes"].as_u64().unwrap() > 250_000_000,
        "{first}"
    );
}

/// Behind the shell's last output.
fn cursor(agent: &Agent) -> u64 {
    let listed = agent.call("ssh_shell_list", json!({})).ok();
    listed[0]["cursor"].as_u64().expect("a position")
}

#[test]
fn two_hundred_shells_live_at_once_and_cost_little() {
    let world = World::with_sshd(&["MaxSessions 300", "MaxStartups 300"]);
    let agent = world.connected("web");
    let before = world.daemon().rss_kib();
    let call =
        |n: usize| json!({"session_id": "web", "shell_id": format!("s{n}"), "command": "cat"});
    let pending: Vec<_> = (0..200).map(|n| (n, call(n))).collect();
    for batch in pending.chunks(50) {
        let begun: Vec<_> = batch
            .iter()
            .map(|(_, call)| agent.begin("ssh_shell_open", call.clone()))
            .collect();
        for one in begun {
            one.within(Duration::from_mins(1)).expect("an answer").ok();
        }
    }
    for n in 0..200 {
        let id = format!("s{n}");
        let typed = json!({"session_id": "web", "shell_id": id, "data": format!("I am {id}\n")});
        agent.call("ssh_shell_write", typed).ok();
    }
    for n in 0..200 {
        let id = format!("s{n}");
        let wanted = json!({"session_id": "web", "shell_id": id, "cursor": 0,
            "until": format!("I am {id}\nI am {id}\n"), "timeout_ms": 10_000});
        let seen = agent.call("ssh_shell_read", wanted).ok();
        assert_eq!(data(&seen), format!("I am {id}\nI am {id}\n"));
    }
    let after = world.daemon().rss_kib();
    println!(
        "200 shells: {} KiB each",
        (after.saturating_sub(before)) / 200
    );
    assert!(after < before + 200 * 300, "{before} {after}");
    let said = agent.call("ssh_disconnect", json!({"id": "web"})).text();
    assert!(said.contains("s0, s1, s10"), "{said}");
}
