//! Shells that outlive their link and the daemon, under each holder, byte for byte.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tests::until::{SOON, pause, until, until_true};
use tests::{Agent, Network, World, process};

/// The holders that this story's machine has.
const HOLDERS: [&str; 3] = ["tmux", "screen", "dtach"];

/// A world whose host finds one holder alone.
fn world(holder: &str) -> World {
    world_at(holder, None)
}

fn world_at(holder: &str, network: Option<Network>) -> World {
    let set = "SetEnv SHLVL=2 HOME={folder}/home PATH={folder}/home/tools";
    let world = World::with_sshd_at(&[set], network);
    let tools = world.host_home().join("tools");
    std::fs::create_dir_all(&tools).expect("a folder");
    for folder in ["/usr/bin", "/bin"] {
        for program in std::fs::read_dir(folder).expect("programs").flatten() {
            let name = program.file_name();
            let is_another = ["tmux", "screen", "dtach", "abduco"]
                .iter()
                .any(|other| *other != holder && name.to_str() == Some(other));
            if !is_another {
                drop(std::os::unix::fs::symlink(
                    program.path(),
                    tools.join(&name),
                ));
            }
        }
    }
    // A login shell's own start-up would set the machine's.
    let line = format!("export PATH={}\n", tools.display());
    std::fs::write(world.host_home().join(".profile"), line).expect("a file");
    world
}

/// Ends what a failed story leaves under a holder.
struct Ender(PathBuf);

impl Ender {
    fn of(world: &World) -> Self {
        Self(
            world
                .host_home()
                .join(".local/state/remote-shell-mcp/shells"),
        )
    }
}

impl Drop for Ender {
    fn drop(&mut self) {
        for shell in std::fs::read_dir(&self.0).into_iter().flatten().flatten() {
            let read = |name| std::fs::read_to_string(shell.path().join(name)).unwrap_or_default();
            if let Some(name) = read("holder").trim().strip_prefix("tmux ") {
                let mut tmux = std::process::Command::new("tmux");
                drop(tmux.args(["-L", name, "kill-server"]).output());
            }
            let pid = read("pid")
                .split(' ')
                .next()
                .and_then(|pid| pid.parse().ok());
            // A shell outlives what started it, and one in a loop would go on for ever.
            for pid in pid.into_iter().flat_map(|pid| {
                let below = process::descendants(pid);
                std::iter::once(pid).chain(below)
            }) {
                process::signal(pid, process::Signal::KILL);
            }
        }
    }
}

fn of(more: Value) -> Value {
    let mut call = json!({"session_id": "web", "shell_id": "sh"});
    for (name, value) in more.as_object().into_iter().flatten() {
        call[name] = value.clone();
    }
    call
}

fn connected(world: &World, more: Value) -> Agent {
    let agent = world.agent();
    let spec = world.spec_with(more);
    agent
        .call("ssh_connect", json!({"id": "web", "spec": spec}))
        .ok();
    agent
}

fn info(agent: &Agent) -> Value {
    agent.call("ssh_shell_list", json!({})).ok()[0].clone()
}

fn run(agent: &Agent, line: &str) -> Value {
    let result = agent
        .call("ssh_shell_run", of(json!({"command": line})))
        .ok();
    println!("{line}: {result}");
    result
}

/// All that is kept, as it came.
fn raw(agent: &Agent) -> String {
    let call = of(json!({"cursor": 0, "view": "raw", "timeout_ms": 0}));
    let seen = agent.call("ssh_shell_read", call).ok();
    seen["data"].as_str().expect("data").to_owned()
}

#[test]
fn a_durable_shell_is_found_again_with_every_byte_after_kill_9_and_cut_links() {
    for holder in HOLDERS {
        println!("-- {holder}");
        let world = world(holder);
        let _ender = Ender::of(&world);
        let agent = connected(&world, json!({"persistent": true, "auto_reconnect": true}));
        let opened = agent
            .call(
                "ssh_shell_open",
                of(json!({"durable": true, "cols": 1000,
            "env": {"KEPT": "in the shell"}})),
            )
            .ok();
        assert_eq!(opened["durable"], true);
        let named = opened["holder"].as_str().expect("its holder");
        let name = named
            .strip_prefix(&format!("{holder} "))
            .expect(named)
            .to_owned();
        assert!(name.starts_with("rsmcp-"), "{name}");
        assert_eq!(
            run(&agent, "echo $KEPT; cd /usr/bin")["output"],
            "in the shell\n"
        );
        // It prints while nobody is there.
        let gate = world.remote("gate");
        let counts = format!(
            "until [ -e {} ]; do sleep 0.1; done; i=0; while [ $i -lt 2000 ]; do \
             printf 'line %05d\\n' $i; i=$((i+1)); done; echo all",
            gate.display()
        );
        let call = of(json!({"data": format!("{counts}\n")}));
        agent.call("ssh_shell_write", call).ok();
        until_true("it is typed", SOON, || raw(&agent).contains("echo all\r\n"));
        world.daemon().kill();
        drop(agent);
        std::fs::write(&gate, "").expect("the gate opens");
        pause(Duration::from_secs(1));
        let agent = world.agent();
        until_true("it is back", Duration::from_secs(30), || {
            raw(&agent).contains("\r\nall\r\n")
        });
        let lines: String =
            (0..2000).fold(String::new(), |all, n| all + &format!("line {n:05}\r\n"));
        assert!(raw(&agent).contains(&lines), "bytes are missing");
        // And again over a cut link. What is typed into one that has just died is lost.
        world.sshd.drop_connections();
        until_true("the daemon has seen it", SOON, || {
            agent.call("ssh_info", json!({"id": "web"})).ok()["state"] != "connected"
        });
        let state = run(&agent, "pwd; echo $KEPT");
        assert_eq!(state["output"], "/usr/bin\nin the shell\n", "{state}");
        let closed = agent.call("ssh_shell_close", of(json!({}))).text();
        assert_eq!(closed, "closed sh");
        until_true("nothing is left on the host", SOON, || {
            process::pids_with(&name).is_empty()
        });
        let left = world
            .host_home()
            .join(".local/state/remote-shell-mcp/shells");
        assert_eq!(std::fs::read_dir(left).expect("its folder").count(), 0);
    }
}

#[test]
fn a_durable_shell_stays_when_its_session_goes_and_its_end_is_told() {
    for holder in HOLDERS {
        println!("-- {holder}");
        let world = world(holder);
        let _ender = Ender::of(&world);
        let agent = connected(&world, json!({}));
        agent
            .call(
                "ssh_shell_open",
                of(json!({"durable": true, "rows": 30, "cols": 100})),
            )
            .ok();
        assert_eq!(run(&agent, "stty size")["output"], "30 100\n");
        agent
            .call("ssh_shell_resize", of(json!({"rows": 33, "cols": 90})))
            .text();
        until_true("it has the size", SOON, || {
            run(&agent, "stty size")["output"] == "33 90\n"
        });
        let said = agent.call("ssh_disconnect", json!({"id": "web"})).text();
        assert!(
            said.contains("durable shells that go on on the host: sh"),
            "{said}"
        );
        agent
            .call("ssh_shell_close", of(json!({})))
            .refused("not_connected");
        let agent = connected(&world, json!({}));
        assert_eq!(run(&agent, "echo back")["output"], "back\n");
        let call = of(json!({"data": "exit 7\n"}));
        agent.call("ssh_shell_write", call).ok();
        let ended = until("it ended", SOON, || {
            let info = info(&agent);
            (info["closed"] == true).then_some(info)
        });
        assert_eq!(
            (&ended["exit_code"], &ended["lost_reason"]),
            (&json!(7), &json!(""))
        );
        assert!(!raw(&agent).contains("Script done"), "{}", raw(&agent));
    }
}

#[test]
fn a_host_without_a_holder_refuses_by_name() {
    let world = world("none");
    let agent = connected(&world, json!({}));
    let refused = agent
        .call("ssh_shell_open", of(json!({"durable": true})))
        .refused("remote");
    for holder in ["tmux", "screen", "dtach", "abduco"] {
        assert!(refused.contains(holder), "{refused}");
    }
    assert_eq!(agent.call("ssh_shell_list", json!({})).ok(), json!([]));
    let left = world
        .host_home()
        .join(".local/state/remote-shell-mcp/shells");
    assert_eq!(std::fs::read_dir(left).expect("its folder").count(), 0);
}

#[test]
fn a_durable_shell_goes_on_over_a_frozen_server_a_killed_link_and_a_cut_network() {
    for holder in HOLDERS {
        println!("-- {holder}");
        let world = world_at(holder, Some(Network::start()));
        let _ender = Ender::of(&world);
        let agent = connected(&world, json!({"auto_reconnect": true, "keepalive": "1s"}));
        agent
            .call("ssh_shell_open", of(json!({"durable": true})))
            .ok();
        assert_eq!(run(&agent, "n=0")["output"], "");
        let counts = "while :; do n=$((n+1)); echo \"n $n\"; sleep 0.02; done\n";
        agent
            .call("ssh_shell_write", of(json!({"data": counts})))
            .ok();
        until_true("it counts", SOON, || counted(&agent) > 0);
        let seen = || {
            until_true("it is seen", Duration::from_secs(10), || {
                agent.call("ssh_info", json!({"id": "web"})).ok()["state"] != "connected"
            });
        };
        for fault in ["frozen", "killed", "cut"] {
            let before = counted(&agent);
            match fault {
                "frozen" => {
                    world.sshd.freeze();
                    seen();
                    world.sshd.thaw();
                }
                "killed" => world.sshd.drop_connections(),
                _ => {
                    world.sshd.network().cut();
                    seen();
                    world.sshd.network().mend();
                }
            }
            until_true("it counts on", Duration::from_secs(30), || {
                counted(&agent) > before + 50
            });
        }
        agent
            .call("ssh_shell_write", of(json!({"data": "\u{3}"})))
            .ok();
        until_true("it is interrupted", SOON, || raw(&agent).contains("^C"));
        let shown = raw(&agent);
        let last = counted_in(&shown);
        let all: String = (1..=last).fold(String::new(), |all, n| all + &format!("n {n}\r\n"));
        assert!(shown.contains(&all), "bytes are missing: {shown}");
        agent.call("ssh_shell_close", of(json!({}))).words();
    }
}

#[test]
fn a_line_that_says_nothing_runs_on_over_a_dropped_link_and_positions_outlive_the_daemon() {
    for holder in HOLDERS {
        println!("-- {holder}");
        let world = world(holder);
        let _ender = Ender::of(&world);
        let agent = connected(&world, json!({"persistent": true, "auto_reconnect": true}));
        let open = of(json!({"durable": true, "cols": 1000, "command": "bash -i"}));
        agent.call("ssh_shell_open", open).ok();
        assert_eq!(run(&agent, "true")["state"], "done");
        let cursor = || info(&agent)["cursor"].as_u64().expect("a position");
        let quiet = |gate: &str| {
            let gate = world.remote(gate);
            let line = format!(
                "until [ -e {} ]; do sleep 0.1; done; echo through",
                gate.display()
            );
            of(json!({"command": line, "timeout_ms": 500}))
        };
        let begun = agent.call("ssh_shell_run", quiet("first")).ok();
        assert_eq!(begun["state"], "running", "{begun}");
        let before = cursor();
        world.sshd.drop_connections();
        until_true("it is followed again", Duration::from_secs(30), || {
            let typed = of(json!({"data": "#"}));
            drop(agent.call("ssh_shell_write", typed));
            cursor() > before
        });
        let waits = of(json!({"command": "", "timeout_ms": 500}));
        let state = agent.call("ssh_shell_run", waits).ok();
        assert_eq!(state["state"], "running", "{state}");
        std::fs::write(world.remote("first"), "").expect("the gate opens");
        let ended = run(&agent, "");
        assert_eq!(ended["state"], "done", "{ended}");
        assert!(ended["output"].as_str().unwrap().ends_with("through\n"));
        assert_eq!(raw(&agent).matches(" true\r\n").count(), 1, "it came twice");
        // Another daemon means the same bytes by a position.
        let seen = |agent: &Agent| {
            let call = of(json!({"cursor": before, "view": "raw", "timeout_ms": 0}));
            let seen = agent.call("ssh_shell_read", call).ok();
            (seen["lost_bytes"] == 0).then(|| seen["data"].as_str().unwrap().to_owned())
        };
        let begun = agent.call("ssh_shell_run", quiet("second")).ok();
        assert_eq!(begun["state"], "running", "{begun}");
        let told = seen(&agent).expect("it is kept");
        world.daemon().kill();
        drop(agent);
        let agent = world.agent();
        until_true("it is told again", Duration::from_secs(30), || {
            seen(&agent).is_some_and(|again| again == told)
        });
        // Whether a line runs is not known.
        let call = of(json!({"command": "pwd"}));
        let refused = agent.call("ssh_shell_run", call).refused("busy");
        assert!(refused.contains("not known"), "{refused}");
        std::fs::write(world.remote("second"), "").expect("the gate opens");
        until_true("its prompt is seen", SOON, || {
            let call = of(json!({"command": "echo $((40 + 2))"}));
            let reply = agent.call("ssh_shell_run", call);
            !reply.is_error() && reply.ok()["output"] == "42\n"
        });
        agent.call("ssh_shell_close", of(json!({}))).words();
    }
}

#[test]
fn a_durable_shell_whose_opening_is_cancelled_leaves_its_id_free() {
    let world = world("tmux");
    let _ender = Ender::of(&world);
    let agent = connected(&world, json!({}));
    world.sshd.freeze();
    let open = of(json!({"durable": true}));
    let pending = agent.begin("ssh_shell_open", open.clone());
    until_true("it is listed", SOON, || {
        agent.call("ssh_shell_list", json!({})).ok() != json!([])
    });
    agent.cancel(&pending);
    until_true("it is on record", SOON, || {
        let asked = json!({"tool": "ssh_shell_open"});
        agent.call("history", asked).ok()[0]["outcome"] == "interrupted"
    });
    world.sshd.thaw();
    until_true("its id is free", Duration::from_secs(30), || {
        !agent.call("ssh_shell_open", open.clone()).is_error()
    });
    assert_eq!(run(&agent, "echo it lives")["output"], "it lives\n");
    let folder = world
        .host_home()
        .join(".local/state/remote-shell-mcp/shells");
    until_true("the first is gone", SOON, || {
        std::fs::read_dir(&folder).expect("its folder").count() == 1
    });
}

/// The last number that was printed.
fn counted(agent: &Agent) -> u32 {
    counted_in(&raw(agent))
}

fn counted_in(shown: &str) -> u32 {
    let lines = shown.lines().filter_map(|line| line.strip_prefix("n "));
    lines
        .filter_map(|n| n.trim().parse().ok())
        .max()
        .unwrap_or(0)
}

/// What the command line says.
fn said(world: &World, words: &[&str]) -> String {
    let output = world.bridge().args(words).output().expect("it runs");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn leftovers_are_listed_and_ended_from_the_command_line() {
    let world = world("tmux");
    let _ender = Ender::of(&world);
    let agent = connected(&world, json!({}));
    assert_eq!(
        said(&world, &["leftovers", "web"]),
        "web has nothing of ours\n"
    );
    let opened = agent
        .call("ssh_shell_open", of(json!({"durable": true})))
        .ok();
    let holder = opened["holder"].as_str().expect("its holder");
    let mark = holder.rsplit('-').next().expect("its mark");
    let job = json!({"session_id": "web", "command": "sleep 600", "durable": true,
        "background": true});
    agent.call("ssh_exec", job).ok();
    let listed = said(&world, &["leftovers", "web"]);
    assert!(
        listed.contains(&format!("shell  {mark}  lives  tmux    sh on web")),
        "{listed}"
    );
    assert!(
        listed
            .lines()
            .any(|line| line.starts_with("job ") && line.contains("lives"))
    );
    let ended = said(&world, &["leftovers", "web", "end", mark]);
    assert!(ended.contains(mark), "{ended}");
    until_true("its end is told", SOON, || info(&agent)["closed"] == true);
    let ended = said(&world, &["leftovers", "web", "end", "all"]);
    assert!(ended.contains("job "), "{ended}");
    assert_eq!(
        said(&world, &["leftovers", "web"]),
        "web has nothing of ours\n"
    );
    assert!(process::pids_with(holder).is_empty());
}
